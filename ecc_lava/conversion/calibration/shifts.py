"""Lambdas that suit thresholds of powers of two, which payloads of several bits need: a chip has no divider.

Between two powers of two, a channel's weights leave up to one bit of their mantissas unused. The channel keeps its lambda, or has it
lowered or raised until its weights use all of their mantissas: lowered, activations are rounded more finely and clipped more often; raised,
the other way round.
"""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Float
from ecc_lava.conversion.calibration.candidates import Candidates
from ecc_lava.conversion.calibration.changes import with_divided_weights, with_numbers
from ecc_lava.conversion.calibration.goal import Goal, rows_of
from ecc_lava.conversion.calibration.presynaptic import PresynapticInput
from ecc_lava.conversion.calibration.response import errors
from ecc_lava.geometry import over_synapses
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork

__all__ = ["with_shifts"]

_ABOVE = 1.0 + 1e-6
"""Keeps a lambda that reaches a power of two from falling below it by float rounding."""


def with_shifts(network: SpikingNetwork, goal: Goal, fit: Candidates, arrivals: PresynapticInput) -> tuple[SpikingNetwork, Candidates]:
    """Return the network and the fit with the lambdas that, in integers, answer with the least mean square error, channel by channel.

    Networks of binary spikes stay as they are, and so do lambdas that the model's own weights fix.
    """
    if not goal.population.payload.is_shift or goal.fixed:
        return network, fit
    images, used = arrivals.some(goal.population), _used(arrivals.integers(network, goal.name), goal.name)
    wanted = goal.rates[images]
    best, least = np.ones(used.size), np.full(used.size, np.inf)
    for tried in (np.ones(used.size), used * _ABOVE, 2 * used * _ABOVE):
        factor = np.full(used.size, tried.max()) if goal.together else tried
        factor = np.where(fit.threshold * factor <= goal.largest_gain, factor, 1.0)
        changed = network if (factor == 1).all() else _with_lambda(network, goal.name, factor)
        rates = arrivals.answer(changed, goal.name, images).rates
        gains = goal.gains(fit.threshold * factor, wanted, rates)
        _, noise = errors(rows_of(wanted), rows_of(rates), gains)
        better = np.full(used.size, noise.sum() < least.sum()) if goal.together else noise < least
        best, least = np.where(better, factor, best), np.where(better, noise, least)
    return _with_lambda(network, goal.name, best), fit._replace(threshold=fit.threshold * best, gain=fit.gain * best)


def _used(integers: QuantisedNetwork, name: str) -> Float:
    """Return the share of the mantissas' range that the largest weight into every channel uses, at least a half; 1 without weights."""
    most = np.zeros(integers.by_name[name].shape[2])
    for p in integers.into(name):
        largest = over_synapses(np.maximum, p.geometry, np.abs(p.geometry.kernel.astype(np.float64))).max(axis=0)
        most = np.maximum(most, largest / integers.format.mantissa_max(p.bits) / 2 ** integers.format.dropped_bits(p.bits))
    return np.where(most > 0, np.maximum(most, 0.5), 1.0)


def _with_lambda(network: SpikingNetwork, name: str, factor: Float) -> SpikingNetwork:
    """Return the network with the input of every channel of a population divided by a factor, (C,)."""
    own, shaped = network.by_name[name], np.reshape(factor, (1, 1, -1))
    network = with_divided_weights(network, name, factor)
    observed = {} if own.observed is None else {"observed": own.observed / shaped}
    return with_numbers(network, name, bias=own.bias / shaped, **observed)
