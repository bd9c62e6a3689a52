"""The input of a population while a network is calibrated in order: the ideal one, and the one from the integer network so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ecc_lava.backends import BACKENDS, Recording, compact_raster, sent_at_steps
from ecc_lava.common import Array, Float, Shape, usable_cores
from ecc_lava.conversion.at_once import IMAGES, by_images, gathered, images_at_once
from ecc_lava.conversion.calibration.currents import currents_at
from ecc_lava.conversion.calibration.positions import AtPositions, at_positions
from ecc_lava.formats import number_format
from ecc_lava.geometry import Conv, Dense, apply_at, windows
from ecc_lava.inputs import PAYLOAD_MAX, InputCoding, batch_size, encode, sent
from ecc_lava.networks import Kind, Population, Projection, QuantisedNetwork, QuantisedPopulation, SpikingNetwork, input_sum, own_rate
from ecc_lava.quantisation import DEFAULT, Bits, network_bits, quantise, weight_steps

__all__ = ["Answer", "PresynapticInput", "of_maps"]

BYTES = 2**24
"""Most memory for the spikes that a thread answers at once: pages of larger arrays are taken from the system, and cleared, every time."""

ANSWERING_IMAGES, ANSWERING_ROWS = 128, 32768
"""Images, and neurons per channel over images and positions, that show well enough how a population answers: maps of 16x16 and more take
half of 256 images."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What a population sends: its rates, (N, H, W, C), and what it sends at each step, or None if every step sends the same.

    The raster is that of a `Result`: spikes in bits, (N, T, bytes), or payloads, int16 (N, T, H*W*C).
    """

    rates: Array
    raster: Array | None


class PresynapticInput:
    """The calibration images on their way through the network, as ideal rates and as the spikes that the integers send.

    Parameters
    ----------
    network : SpikingNetwork
        Normalised, with timesteps.
    images : input name -> float64 array (N, H, W, C)
    format, bits : what the network is quantised with
    rows : int
        Neurons per channel that are sampled of every population.
    """

    def __init__(self, network: SpikingNetwork, images: Mapping[str, Float], format: str, bits: Bits, rows: int) -> None:
        assert network.timesteps is not None
        self.timesteps = network.timesteps
        self._network, self._format, self._rows = network, format, rows
        self.bits = network_bits(bits, network, number_format(format))
        self._samples = batch_size(images)
        self._ideal: dict[str, Array] = {}
        self._sent: dict[str, Answer] = {}
        self._quantised: tuple[SpikingNetwork, str, QuantisedNetwork] | None = None  # the last that was asked for
        for number, (p, coding) in enumerate(zip(network.inputs, of_maps(network.codings), strict=True)):
            self._ideal[p.name] = ((images[p.name] - coding.offset) / coding.unit).astype(np.float32)
            spikes = sent(encode(images[p.name], coding), coding, self.timesteps, population=number)
            binary = spikes.ndim == 5
            self._sent[p.name] = Answer((spikes.mean(axis=1) if binary else spikes).astype(np.float32), _packed(spikes) if binary else None)

    def is_constant(self, source: str) -> bool:
        """Whether a population sends the same at every step."""
        return self._sent[source].raster is None

    def ideal_sum(self, population: Population) -> Array:
        """Return the input sum plus bias of ideal rates, float32 (N, H, W, C)."""
        return _summed(self._network, population.name, self._ideal)

    def settle(self, population: Population, ideal: Array) -> None:
        """Keep the ideal rates of a population, and drop what no later population reads."""
        if population.kind is Kind.IF:
            self._ideal[population.name] = by_images(partial(own_rate, population), ideal)
        elif population.kind is Kind.STEP:
            self._ideal[population.name] = (ideal >= population.vth).astype(np.float32)
        for source in [name for name, last in self._network.last_reader.items() if last == population.name]:
            self._ideal.pop(source, None)
            self._sent.pop(source, None)

    def sums(self, network: SpikingNetwork, target: str) -> Array:
        """Return the input sum plus bias of the rates that arrive, per step, float32 (N, H, W, C)."""
        return _summed(network, target, {name: source.rates for name, source in self._sent.items()})

    def _at_positions(self, population: Population, most: int | None, size: int, function: AtPositions) -> Array:
        """Return what a function makes at the sampled positions, at most `most` over all images, as (M, ...); see `at_positions`."""
        return at_positions(population.shape, self._samples, most or self._rows, size, function)

    def sampled(self, population: Population, values: Array, most: int | None = None) -> Array:
        """Return values (N, H, W, C) at the sampled positions, (M, C); those of one image lie together."""
        return self._at_positions(population, most, IMAGES, lambda images, rows, columns: values[images][:, rows, columns])

    def currents(self, network: SpikingNetwork, target: str, most: int | None = None) -> Array:
        """Return the input of every step at the sampled positions, bias included, float32 (M, T, C)."""
        neurons = max(int(np.prod(network.by_name[p.source].shape)) for p in network.into(target))
        size = images_at_once(self.timesteps * neurons)
        return self._at_positions(network.by_name[target], most, size, partial(self._currents_at, network, target))

    def _currents_at(self, network: SpikingNetwork, target: str, images: slice, rows: Array, columns: Array) -> Array:
        """Return the input of every step of some images at some positions, bias included, float32 (N, P, T, C)."""
        population = network.by_name[target]
        total: Array = np.broadcast_to(population.bias, population.shape)[rows, columns].astype(np.float32)[:, None]
        for p in network.into(target):
            source, shape = self._sent[p.source], network.by_name[p.source].shape
            if source.raster is None or self.timesteps == 1:  # a raster of one step is the rates, and payloads are dense
                total = total + apply_at(p.geometry, source.rates[images], rows, columns)[:, :, None]
            else:
                total = total + currents_at(p.geometry, sent_at_steps(source.raster[images], shape), rows, columns)
        return np.broadcast_to(total, (*total.shape[:-2], self.timesteps, total.shape[-1]))

    def reach(self, network: SpikingNetwork, target: str) -> Float:
        """Return every channel's largest |input + bias| of one step, over all images and positions, (1, 1, C)."""
        sources = {p.source: self._sent[p.source] for p in network.into(target)}
        largest = np.zeros(network.by_name[target].shape[2])
        for step in range(1 if all(s.raster is None for s in sources.values()) else self.timesteps):
            arrived = {name: self._at_step(source, network.by_name[name].shape, step) for name, source in sources.items()}
            largest = np.maximum(largest, np.abs(_summed(network, target, arrived)).max(axis=(0, 1, 2)))
        return largest.reshape(1, 1, -1)

    @staticmethod
    def _at_step(source: Answer, shape: Shape, step: int) -> Array:
        """Return what a population of `shape` sends at a step, float32 (N, H, W, C)."""
        if source.raster is None:
            return source.rates
        return sent_at_steps(source.raster[:, step : step + 1], shape)[:, 0].astype(np.float32)

    def rates_read(self, projection: Projection, most: int | None = None) -> Array:
        """Return the rates of the source neurons that each sampled neuron reads, a new float32 (M, K), in the order of the kernel."""
        rates = self._sent[projection.source].rates
        match projection.geometry:
            case Conv() as conv:
                target = self._network.by_name[projection.target]
                size = images_at_once(rates[0].size)
                read = self._at_positions(
                    target, most, size, lambda images, *places: windows(conv, rates[images], *places).transpose(2, 3, 0, 1, 4)
                )
                return read.reshape(-1, conv.kernel[..., 0].size)
            case Dense():
                return rates.reshape(len(rates), -1).copy()
            case other:
                raise AssertionError(f"weights of {type(other).__name__} are not refitted")

    def some(self, population: Population) -> slice:
        """Return the images that suffice to see how a population answers: all, or every so many where maps are large."""
        neurons = self._samples * population.shape[0] * population.shape[1]
        return slice(None, None, max(1, min(self._samples // ANSWERING_IMAGES, neurons // ANSWERING_ROWS)))

    def answer(self, network: SpikingNetwork, target: str, images: slice = slice(None)) -> Answer:
        """Run a population of the integer network on what arrives of some images; nothing is kept."""
        integer = self.integers(network, target)
        run, recording = BACKENDS["fast"].load(), Recording(frozenset([target]), potentials=frozenset(), inputs=False)
        chosen = range(self._samples)[images]
        most = BYTES // (self.timesteps * sum(p.neurons for p in integer.populations))
        size = max(1, min(most, -(-len(chosen) // usable_cores())))

        def answered(start: int) -> tuple[Array, Array]:
            part = chosen[start : start + size]
            sent = {p.name: self._given(p, slice(part.start, part.stop, part.step)) for p in integer.inputs}
            activity = run(integer, sent, self.timesteps, recording)[target]
            assert activity.raster is not None
            raster = compact_raster(activity.raster, integer.by_name[target].payload)
            return activity.counts.astype(np.float32) / self.timesteps, raster

        return Answer(*gathered(len(chosen), size, answered))

    def keep(self, target: str, answer: Answer) -> None:
        """Let what a population sends, over all images, arrive at those after it."""
        self._sent[target] = answer

    def rates(self, source: str) -> Array:
        """Return the rates that a population sends, float32 (N, H, W, C)."""
        return self._sent[source].rates

    def integers(self, network: SpikingNetwork, target: str) -> QuantisedNetwork:
        """Return a population in integers, as the whole network's quantisation makes it, with its sources as inputs."""
        if self._quantised is None or self._quantised[0] is not network or self._quantised[1] != target:
            self._quantised = (
                network,
                target,
                quantise(self._alone(network, target), format=self._format, bits=self._widths(target)),
            )
        return self._quantised[2]

    def is_carried(self, target: str) -> bool:
        """Whether weights into a population are wider than two synapses, so that their low bits are carried."""
        return self.bits[target] > number_format(self._format).wide_bits

    def _widths(self, target: str) -> Bits:
        """Return the width of a population's weights, and one for the readout that `_alone` puts behind it."""
        return {target: self.bits[target], DEFAULT: number_format(self._format).default_bits}

    def weight_steps(self, network: SpikingNetwork, target: str) -> list[Float]:
        """Return what one unit of the weights of every projection into a population is in real units, (C,) each."""
        return weight_steps(self._alone(network, target), target, format=number_format(self._format), bits=self.bits[target])

    def mantissa_max(self, target: str) -> int:
        """Return the largest of the whole numbers that weights into a population are rounded to."""
        return number_format(self._format).mantissa_max(self.bits[target])

    def _alone(self, network: SpikingNetwork, target: str) -> SpikingNetwork:
        """Return a population with its sources as inputs, and a readout without weights."""
        into, population = network.into(target), network.by_name[target]
        sources = [network.by_name[name] for name in dict.fromkeys(p.source for p in into)]
        inputs = tuple(replace(Population.ideal(p.name, p.shape, Kind.INPUT), payload=p.payload) for p in sources)
        codings = tuple(InputCoding("graded" if self.is_constant(p.name) else "events", uint8_scale=1.0) for p in sources)
        readout = Population.ideal(f"{target}.end", (1, 1, 1), Kind.READOUT)
        end = Projection(target, readout.name, Dense(np.zeros((population.neurons, 1))))
        return SpikingNetwork((*inputs, population, readout), (*into, end), codings, self.timesteps)

    def _given(self, source: QuantisedPopulation, part: slice) -> Array:
        """Return what some images make a population send: graded values (N, H, W, C), or spikes (N, T, H, W, C)."""
        sent = self._sent[source.name]
        if sent.raster is None:
            return sent.rates[part].astype(np.uint8)
        return sent_at_steps(sent.raster[part], source.shape).astype(source.payload.dtype)


def _summed(network: SpikingNetwork, target: str, rates: Mapping[str, Array]) -> Array:
    """Return the input sum plus bias of a population, from the rates of its sources; float32 (N, H, W, C)."""
    sources, population = {p.source: rates[p.source] for p in network.into(target)}, network.by_name[target]
    at_once = images_at_once(population.neurons + sum(network.by_name[name].neurons for name in sources))

    def part(start: int) -> tuple[Array]:
        return (input_sum(network, population, {name: x[start : start + at_once] for name, x in sources.items()}),)

    return gathered(batch_size(sources), at_once, part)[0]


def _packed(spikes: Array) -> Array:
    """Return spikes (N, T, H, W, C) in bits."""
    return np.packbits(spikes.reshape(*spikes.shape[:2], -1), axis=-1)


def of_maps(codings: Sequence[InputCoding]) -> tuple[InputCoding, ...]:
    """Return the codings for images that are maps already; means of events are sent by rate."""
    return tuple(
        replace(c, kind="rate", scale=1.0 / PAYLOAD_MAX, channels_first=False) if c.kind == "events" else replace(c, channels_first=False)
        for c in codings
    )
