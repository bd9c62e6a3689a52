"""What every population costs: by itself among the CNN's, and where it joins the populations before it in integers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ecc_lava.analysis.attribution.answers import Answers, Reference, joined_answers
from ecc_lava.analysis.attribution.ladder import Stages, batches, logits, sent_rates
from ecc_lava.analysis.attribution.report import LayerLoss
from ecc_lava.backends import Result, even_counts, simulate
from ecc_lava.common import Array, Float, Images, Progress
from ecc_lava.inputs import ImageSource, batch_size, model_inputs
from ecc_lava.networks import (
    Kind,
    Population,
    QuantisedNetwork,
    SpikingNetwork,
    clipped_rate,
    ideal_rate,
    input_rates,
    input_sum,
    remaining_rates,
)
from ecc_lava.quantisation import as_float

__all__ = ["by_layer"]

TITLE = "layer by layer"

LARGE = 99.9
"""Percentile of the activations that counts as a large activation."""

ALONE = ("ideal", "clipping", "timesteps", "rounding")


@dataclass(frozen=True, eq=False)
class _Found:
    """One population on a batch of images.

    Attributes
    ----------
    alone : Answers by the names in `ALONE`
    joined : Answers
        With all populations up to this one in integers.
    active, clipped : int
        Number of ideal rates above 0, and above the largest payload; 0 for all but integrate-and-fire neurons.
    large : float array (C,)
        Percentile `LARGE` of every channel's ideal rates, relative to the largest payload.
    saturated : int
    """

    alone: dict[str, Answers]
    joined: Answers
    active: int
    clipped: int
    large: Float
    saturated: int


def by_layer(
    stages: Stages, x: Images | ImageSource, reference: Reference, sent: Answers, last: Answers, progress: Progress
) -> tuple[LayerLoss, ...]:
    """Return what every population costs, in order.

    Parameters
    ----------
    stages : Stages
    x : arrays by input name
    reference : Reference
    sent, last : Answers
        Answers of the rung "input" and of the last rung; the losses in the network lie between them.
    progress : callable (stage, images done, images)
    """
    names = [p.name for p in stages.ideal.populations[len(stages.ideal.inputs) :]]
    found: dict[str, list[_Found]] = {name: [] for name in names}
    samples = batch_size(x)
    for start, part in batches(stages.ideal, x):
        for name, one in _batch(stages, part, start, reference):
            found[name].append(one)
        progress(TITLE, start + batch_size(part), samples)
    losses, before = [], sent
    for name in names:
        after = last if name == names[-1] else joined_answers([f.joined for f in found[name]])
        losses.append(_loss(stages, name, found[name], reference, before, after))
        before = after
    return tuple(losses)


def _loss(stages: Stages, name: str, found: list[_Found], reference: Reference, before: Answers, after: Answers) -> LayerLoss:
    ideal, clipped, spikes, rounded = (joined_answers([f.alone[state] for f in found]) for state in ALONE)
    active = sum(f.active for f in found)
    large = np.mean([f.large for f in found], axis=0)
    return LayerLoss(
        name=name,
        bits=max(p.bits for p in stages.network.into(name)),
        clipping=reference.change(ideal, clipped),
        timesteps=reference.change(clipped, spikes),
        rounding=reference.change(spikes, rounded),
        alone=reference.change(ideal, rounded),
        in_network=reference.change(before, after),
        clipped=sum(f.clipped for f in found) / active if active else None,
        used=float(np.median(large[large > 0])) if active else None,
        saturated=sum(f.saturated for f in found),
    )


def _batch(stages: Stages, x: Images, start: int, reference: Reference) -> Iterator[tuple[str, _Found]]:
    """Yield the name and the findings of every population on a batch of images; `start` is the number of the first image."""
    network, floats = stages.ideal, as_float(stages.integers)
    part = slice(start, start + batch_size(x))
    sums: dict[str, Float] = {}

    def remembered(population: Population, total: Array) -> Float:
        sums[population.name] = total
        return ideal_rate(population, total)

    ideal = remaining_rates(network, input_rates(network, model_inputs(x, network.input_specs)), remembered)
    with_ideal = reference.answers(logits(network, ideal), part)
    spiking = [p.name for p in network.populations if p.kind.spikes]
    readouts = [p.name for p in network.readouts]
    run = simulate(stages.network, x, backend="fast", record=[*spiking, *readouts], first_sample=start)
    plain = run if stages.integers is stages.network else simulate(stages.integers, x, backend="fast", first_sample=start)
    integers = _integer_rates(stages, run)
    known = sent_rates(network, x, start)
    for population in network.populations[len(network.inputs) :]:
        name = population.name
        known[name] = integers[name]
        joined = reference.answers(logits(network, remaining_rates(network, known)), part)
        others = {other: rate for other, rate in ideal.items() if other not in _reached(network, name)}
        alone, rate, answers = {"ideal": with_ideal}, ideal[name], with_ideal
        carried = _carried(stages.integers, floats, name, ideal)
        for state, changed in _alone(population, floats, sums[name], ideal, carried).items():
            if not np.array_equal(changed, rate):
                answers = reference.answers(logits(network, remaining_rates(network, others | {name: changed})), part)
            alone[state], rate = answers, changed
        fires = population.kind is Kind.IF
        yield (
            name,
            _Found(
                alone,
                joined,
                active=int((ideal[name] > 0).sum()) if fires else 0,
                clipped=int((ideal[name] > population.payload.largest).sum()) if fires else 0,
                large=np.percentile(ideal[name], LARGE, axis=(0, 1, 2)) / population.payload.largest,
                saturated=plain.saturated_low[name] + plain.saturated_high[name],
            ),
        )


def _carried(integers: QuantisedNetwork, floats: SpikingNetwork, name: str, ideal: dict[str, Float]) -> dict[str, Float]:
    """Return what the carries of a step population send for ideal rates of its sources."""
    found: dict[str, Float] = {}
    for p in integers.populations:
        if p.carries_to == name:
            found[p.name] = even_counts(floats.by_name[p.name], input_sum(floats, floats.by_name[p.name], ideal | found), 1)
    return found


def _alone(
    population: Population, floats: SpikingNetwork, total: Float, ideal: dict[str, Float], carried: dict[str, Float]
) -> dict[str, Float]:
    """Return a population's rates for ideal rates of its sources: clipped, then as sent in T steps, then with rounded numbers.

    `carried` are the rates of its carries, which only its rounded numbers have.
    """
    rounded = floats.by_name[population.name]
    total_rounded = input_sum(floats, rounded, ideal | carried)
    if population.kind is Kind.READOUT:
        return {"clipping": total, "timesteps": total, "rounding": total_rounded * rounded.lambda_ / population.lambda_}
    steps = floats.timesteps
    assert steps is not None
    return {
        "clipping": clipped_rate(population, total),
        "timesteps": even_counts(population, total * steps, steps) / steps,
        "rounding": even_counts(rounded, total_rounded * steps, steps) / steps,
    }


def _reached(network: SpikingNetwork, name: str) -> set[str]:
    """Return the population and all populations that depend on it."""
    reached = {name}
    for population in network.populations:
        if any(p.source in reached for p in network.into(population.name)):
            reached.add(population.name)
    return reached


def _integer_rates(stages: Stages, run: Result) -> dict[str, Float]:
    """Return the rates of the integer network, rescaled to the lambdas of `stages.ideal`."""
    ideal, rates = stages.ideal.by_name, {}
    for p in stages.calibrated.populations:
        if p.kind.spikes:
            rates[p.name] = run.counts[p.name] / run.timesteps * p.lambda_ / ideal[p.name].lambda_
    for p, scale in zip(stages.calibrated.readouts, stages.network.logit_scales, strict=True):
        rates[p.name] = run.potential[p.name] / (run.timesteps * np.asarray(scale) * ideal[p.name].lambda_)
    return rates
