"""Integer networks of settings: each network is made once, and so is every pass that several networks share."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from ecc_lava.common import BINARY, Float, Images
from ecc_lava.conversion import IntegerPass, Pass, ThresholdSearch, convert, doubts_not_repeated, sigma_delta, uniform_thresholds
from ecc_lava.graph import Graph
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork
from ecc_lava.quantisation import quantise
from ecc_lava.studies.settings import Setting

__all__ = ["Conversions"]

NETWORKS_MAX = 64
"""Most networks kept; a weight takes one byte."""


@dataclass(frozen=True)
class _Once:
    """A pass that depends on no widths and, with binary spikes, not on T, so that it runs once for many networks.

    Its repr is the pass's repr, which traces hold.
    """

    step: Pass
    done: dict[tuple[Any, ...], SpikingNetwork] = field(compare=False)

    def __call__(self, network: SpikingNetwork, images: Mapping[str, Float]) -> SpikingNetwork:
        # lambda is fitted to the levels that payloads have in T steps
        levels = (network.payload, network.timesteps) if network.payload != BINARY else None
        key = (repr(self.step), network.trace, network.codings, levels)
        if key not in self.done:
            self.done[key] = self.step(network, images)
        return replace(self.done[key], timesteps=network.timesteps)

    def __repr__(self) -> str:
        return repr(self.step)


class Conversions:
    """Conversions of one model on the same calibration images.

    Settings share normalisation, which depends on coding, granularity and percentile, and with graded spikes on payload and T. Every T,
    width and format has its own calibration, which runs the integers.

    Parameters
    ----------
    graph : Graph
    calibration : array (N, H, W, C), or arrays by input name
        All are used.
    seed : int
        Of the draws of the coding poisson.
    sequences : array (N, F, H, W, C), or arrays by input name, optional
        On which the thresholds of streams are chosen.
    """

    def __init__(self, graph: Graph, calibration: Images, seed: int = 0, sequences: Images | None = None) -> None:
        self.graph, self.calibration, self.seed, self.sequences = graph, calibration, seed, sequences
        self._told = False
        self._passes: dict[tuple[Any, ...], SpikingNetwork] = {}
        self._networks: OrderedDict[Setting, QuantisedNetwork] = OrderedDict()
        self._search: tuple[Setting, ThresholdSearch] | None = None

    def network(self, setting: Setting) -> tuple[QuantisedNetwork, float]:
        """Return the integer network of a setting and the seconds of its conversion, 0 if the network was made before."""
        started = time.perf_counter()
        if setting in self._networks:
            self._networks.move_to_end(setting)
            return self._networks[setting], 0.0
        network = self._streamed(setting) if setting.is_stream else self._converted(setting)
        self._networks[setting] = network
        while len(self._networks) > NETWORKS_MAX:
            self._networks.popitem(last=False)
        return network, time.perf_counter() - started

    def _streamed(self, setting: Setting) -> QuantisedNetwork:
        """Return a stream of the network that the other settings give."""
        network, _ = self.network(setting.unstreamed)
        if setting.max_error is None:
            return sigma_delta(network, uniform_thresholds(network, setting.threshold))
        if self._search is None or self._search[0] != setting.unstreamed:  # what one network's thresholds cost serves all errors
            assert self.sequences is not None
            self._search = setting.unstreamed, ThresholdSearch(network, self.sequences)
        return sigma_delta(network, self._search[1].within_error(setting.max_error).thresholds)

    def _converted(self, setting: Setting) -> QuantisedNetwork:
        passes = tuple(step if isinstance(step, IntegerPass) else _Once(step, self._passes) for step in setting.passes)
        with doubts_not_repeated() if self._told else nullcontext():
            snn = convert(
                self.graph,
                calibration=self.calibration,
                timesteps=setting.timesteps,
                recipe=passes,
                format=setting.format,
                bits=setting.widths,
                coding=setting.coding,
                payload_bits=setting.payload_bits,
                signed_spikes=setting.signed_spikes,
                seed=self.seed,
                calibration_images=None,
            )
        self._told = True
        return quantise(snn, format=setting.format, bits=setting.widths)
