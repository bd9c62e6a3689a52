"""The ladder from the CNN to the integers: networks that differ from their neighbours in one thing.

Calibration is fitted to the integers that run at one T: its weights, thresholds and biases compensate losses that a float network or a
closed form does not have. So the ladder reaches the integers without calibration, and calibration is the last rung, between integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import inf

import numpy as np

from ecc_lava.analysis.attribution.answers import Answers, Reference
from ecc_lava.backends import simulate
from ecc_lava.common import Array, Float, Images, Outputs, Progress, by_output, joined
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs import ImageSource, as_batch, batch_part, batch_size, encode_all, sent_by_all
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork, clipped_rate, output_name, remaining_rates
from ecc_lava.quantisation import as_float, quantise, rounding_steps

__all__ = ["RUNGS", "Stages", "batches", "climbed", "logits", "rounded_by", "sent_rates", "staged"]

RUNGS = {
    "ann": "the CNN",
    "input": "input as it is sent over T steps",
    "clipping": "activations above lambda clipped",
    "timesteps": "whole spikes of T steps, spread evenly (closed form)",
    "payload": "activations rounded to payloads, spread evenly over T steps (closed form)",
    "timing": "spikes at their times (float, time-stepped)",
    "weights": "weights rounded",
    "neurons": "thresholds, biases and initial potentials rounded",
    "saturation": "potentials saturate",
    "calibration": "calibrated on the integers",
}
"""Name of a rung -> what its network adds to the network before. Binary networks have no "payload", graded ones no "timesteps"; networks
without calibration have no last rung."""

BATCH = 16
"""Most images evaluated at once."""

BYTES = 2**28
"""Most memory for the rates of one batch in all populations, bytes."""


@dataclass(frozen=True, eq=False)
class Stages:
    """The networks of the ladder.

    Attributes
    ----------
    ideal : SpikingNetwork
        The converted network, not calibrated.
    weights : SpikingNetwork
        `ideal` with rounded weights, in units of the potential.
    integers : QuantisedNetwork
        `ideal` in integers.
    calibrated : SpikingNetwork
        The float network that `quantise` made `network` of; `ideal` itself without calibration.
    network : QuantisedNetwork
        The network that runs in the end; `integers` itself without calibration.
    """

    ideal: SpikingNetwork
    weights: SpikingNetwork
    integers: QuantisedNetwork
    calibrated: SpikingNetwork
    network: QuantisedNetwork


def staged(network: QuantisedNetwork, snn: SpikingNetwork) -> Stages:
    """Return the networks between the CNN and an integer network.

    Raises
    ------
    InvalidInput
        If `network` does not say how it was quantised, or is not `snn` quantised in this way.
    """
    how = network.quantisation
    if how is None:
        raise InvalidInput(
            "the integer network does not say how it was quantised (files of earlier versions do not): "
            "losses cannot be told apart. Quantise the float network again, or convert the model again"
        )
    ideal = snn.ideal or snn
    weights, integers = rounding_steps(ideal, format=network.format, bits=how.bits, per=how.per)
    again = integers if ideal is snn else quantise(snn, format=network.format, bits=how.bits, per=how.per)
    if again.digest != network.digest:
        raise InvalidInput(
            f"the integer network is not what `quantise` makes of the float network with its bits in {network.format.name}: "
            "losses between them cannot be told apart. Quantise the float network again, or convert the model again"
        )
    return Stages(ideal, weights, network if ideal is snn else integers, snn, network)


def climbed(stages: Stages, x: Images | ImageSource, reference: Reference, progress: Progress) -> Iterator[tuple[str, Answers]]:
    """Yield the name of every rung after the CNN, in order, and the answers of its network.

    Parameters
    ----------
    stages : Stages
    x : arrays by input name
    reference : Reference
    progress : callable (stage, images done, images)
    """

    def everything(found: Outputs) -> Answers:
        return reference.answers(found, slice(None))

    def stepped(name: str, network: SpikingNetwork | QuantisedNetwork, backend: str) -> tuple[str, Answers]:
        result = simulate(network, x, backend=backend, progress=lambda done, total: progress(RUNGS[name], done, total))
        return name, everything(result.logits)

    def batched(name: str, evaluate: Callable[[Images, int], Outputs]) -> tuple[str, Answers]:
        found, samples = [], batch_size(x)
        for start, part in batches(stages.ideal, x):
            found.append(evaluate(part, start))
            progress(RUNGS[name], start + batch_size(part), samples)
        return name, everything(joined(found))

    ideal = stages.ideal
    yield batched("input", lambda part, first: logits(ideal, remaining_rates(ideal, sent_rates(ideal, part, first))))
    yield batched("clipping", lambda part, first: logits(ideal, remaining_rates(ideal, sent_rates(ideal, part, first), clipped_rate)))
    yield stepped(rounded_by(ideal), ideal, "closed_form")
    yield stepped("timing", ideal, "float")
    yield stepped("weights", stages.weights, "float")
    yield batched("neurons", partial(_unlimited, stages.integers))
    yield stepped("saturation", stages.integers, "fast")
    if stages.network is not stages.integers:
        yield stepped("calibration", stages.network, "fast")


def rounded_by(network: SpikingNetwork | QuantisedNetwork) -> str:
    """Return the rung that rounds activations: to payloads where these have several bits, else to whole spikes."""
    return "payload" if network.payload.is_shift else "timesteps"


def batches(network: SpikingNetwork, x: Images | ImageSource) -> Iterator[tuple[int, Images]]:
    """Yield the images in batches that may be evaluated at once, each with the number of its first image."""
    size = max(1, min(BATCH, BYTES // (8 * sum(p.neurons for p in network.populations))))
    for start in range(0, batch_size(x), size):
        yield start, batch_part(x, slice(start, start + size))


def _unlimited(network: QuantisedNetwork, x: Images, first: int) -> Outputs:
    """Return the logits of integers without saturation; the float engine computes them if any potential saturates on `fast`."""
    result = simulate(network, x, backend="fast", first_sample=first)
    if any(result.saturated_low.values()) or any(result.saturated_high.values()):
        result = simulate(replace(as_float(network), potential_limit=inf), x, backend="float", first_sample=first)
    return result.logits


def sent_rates(network: SpikingNetwork, x: Images, first: int) -> dict[str, Float]:
    """Return the mean over T steps of what the inputs send, (N, H, W, C) by name.

    Parameters
    ----------
    network : SpikingNetwork
    x : images
    first : int
        Number of the first of these images among all.
    """
    assert network.timesteps is not None
    q = encode_all(as_batch(x, network.input_specs), network.codings)
    sent = sent_by_all(q, network.codings, network.timesteps, first)
    return {name: values.mean(axis=1) if values.ndim == 5 else values.astype(np.float64) for name, values in sent.items()}


def logits(network: SpikingNetwork, rate: dict[str, Array]) -> Outputs:
    """Return the outputs (N, K) in the model's units, from the readouts' rates."""
    found = {output_name(p.name): rate[p.name] * p.lambda_ for p in network.readouts}
    return by_output({name: values.reshape(len(values), -1) for name, values in found.items()})
