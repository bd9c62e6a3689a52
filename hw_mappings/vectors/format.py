"""The format of test vectors, as the README.txt of their folder describes it."""

from __future__ import annotations

from typing import Final

__all__ = ["FORMAT", "SCHEMA"]

SCHEMA: Final = 2

FORMAT: Final = """\
Test vectors, one file per core
===============================

vectors.json   the run: network and data digests, chip, images N, timesteps T, depth D, potential_max; of every core its file, SHA-256,
               address, shards (population, rows, columns, channels, first neuron, first step) and projections (source, shape of its map,
               number of the shard they lead to, delay), and how many neurons, axons, lists, entries and events it has.
core_CHIP_CORE.npz   arrays, as numpy.load reads them (each a .npy file in a zip archive); integers, little-endian.

Neurons of a core are numbered shard by shard, and in each by row, column, channel.

Memory image
  bias, vth, v_init   int32 (neurons,)
  fires, keeps        bool (neurons,)    a readout does not fire; a step population does not keep v from step to step
  payload_max         uint8 (neurons,)   largest value of a spike; 1 where spikes are binary
  signed              bool (neurons,)    whether a spike may take back what the neuron sent
  depth               int32 (neurons,)   first step of the neuron's first window
  axon_projection     int32 (axons,)     which of the core's projections, and
  axon_neuron         int32 (axons,)     which neuron of its source (flat index in its map) the axon comes from: to identify it
  axon_list           int32 (axons,)     list of its synapses
  axon_target         int32 (axons,)     neuron that the list's targets count from
  axon_delay          uint8 (axons,)     extra steps before an event acts
  axon_shift          uint8 (axons,)     weights count 2**shift units of the potential
  list_start          int32 (lists + 1,) where each list begins among the entries
  entry_target        int32 (entries,)   target, counted from the axon's
  entry_weight        int32 (entries,)   weight
  Sources of one channel of a convolution whose synapses differ only by a shift share a list. An axon here is of one source neuron; a
  chip with population axons has one for several, and the event carries the channel.

Events in
  in_step, in_axon, in_value   int32, int32, int16 (events,)   sorted by step, then axon; the value is 1, or a payload

A neuron works on image n in the steps n*T + depth to n*T + depth + T - 1. At every step, in this order:

  if (step - depth) % T == 0:  v = v_init, sent = 0
  if not keeps:                v = 0
  v = clip(v + bias + sum of value * weight * 2**shift over the events of step - 1 - delay that reach the neuron)
  if fires:                    k = 1 if v >= vth else 0
    if payload_max > 1:        k = floor(v / vth); k = 0 if k < 0 and not signed; k = min(k, payload_max)
    if signed:                 k = -1 if payload_max is 1 and v < 0; k = max(k, -min(sent, payload_max))
    if k is not 0:             a spike of value k;  sent = sent + k;  if keeps: v = clip(v - vth * k)

clip saturates at +-potential_max. The sum is exact before it is clipped. Where payload_max > 1, vth is a power of two, so that
floor(v / vth) is a shift.

Expected
  out_step, out_neuron, out_value   int32, int32, int16 (events,)   spikes within the neurons' windows, sorted by step, then neuron
  potential                         int32 (N*T, neurons)            row k: v after step depth + k of each neuron
"""
