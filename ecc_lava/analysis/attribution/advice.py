"""What to change: a sentence for every rung that loses something and for the worst layer; each names the layer that loses most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ecc_lava.analysis.attribution.change import Change, Flips
from ecc_lava.analysis.attribution.ladder import Stages, rounded_by
from ecc_lava.analysis.attribution.report import Advice, Attribution, LayerLoss, Rung
from ecc_lava.common import BINARY, PAYLOAD_BITS_MAX
from ecc_lava.formats import FORMATS

__all__ = ["in_words", "of_rungs", "of_worst_layer"]

USED = 0.25
"""If large activations use a smaller share of lambda than this, lambda is to blame for too few steps."""


@dataclass(frozen=True)
class _Case:
    """The facts of a sentence: the networks, and the layer that loses most by the rung's cause."""

    stages: Stages
    layer: LayerLoss | None

    @property
    def steps(self) -> int:
        """T."""
        return self.stages.network.timesteps

    @property
    def name(self) -> str:
        """The layer in words."""
        return "no layer in particular" if self.layer is None else repr(self.layer.name)

    @property
    def calibrated(self) -> bool:
        """Whether the network that runs is calibrated."""
        return self.stages.network is not self.stages.integers

    @property
    def payloads(self) -> str:
        """Words that advise payloads, where spikes are binary and the format carries more."""
        network = self.stages.network
        bits = min(network.format.payload_bits, PAYLOAD_BITS_MAX)
        return f", or send payloads (--payload-bits {bits})" if network.payload == BINARY and bits > 1 else ""

    @property
    def shared_lambda(self) -> bool:
        """Whether all channels of the layer have one lambda."""
        return self.layer is not None and self.stages.ideal.by_name[self.layer.name].lambda_.size == 1


def _input(case: _Case) -> str:
    kinds = {coding.kind for coding in case.stages.network.codings}
    if kinds & {"rate", "poisson"}:
        graded = " or ".join(format.name for format in FORMATS.values() if format.default_coding == "graded")
        return f"The input is spikes: {case.steps} steps are too few for its values. Use more timesteps, or --coding graded on {graded}."
    return "The input lies outside the range of the calibration images, or 8 bits are too coarse for it: calibrate with images like these."


def _clipping(case: _Case) -> str:
    share = "" if case.layer is None or case.layer.clipped is None else f" ({100 * case.layer.clipped:.1f} % of its activations)"
    return (
        f"Lambda is too small, most in {case.name}{share}: calibrate with more images like these (--calibration-images), or take a "
        "higher percentile (CurrentNormalisation(percentile=...))."
    )


def _timesteps(case: _Case) -> str:
    if case.layer is not None and case.layer.used is not None and case.layer.used < USED:
        how = (
            "it is one for all channels, take one for each (--recipe channel or best)"
            if case.shared_lambda
            else "take a lower percentile (CurrentNormalisation(percentile=...))"
        )
        return (
            f"Lambda is too large, most in {case.name}, where large activations of the median channel use {100 * case.layer.used:.1f} % "
            f"of it: {how}, or more timesteps{case.payloads}."
        )
    return (
        f"T={case.steps} is too few for whole spikes, most in {case.name}: convert with --timesteps {2 * case.steps}{case.payloads}, "
        "or give it a smaller lambda (a lower percentile)."
    )


def _payload(case: _Case) -> str:
    network = case.stages.network
    most = min(network.format.payload_bits, PAYLOAD_BITS_MAX)
    more = f"convert with --payload-bits {most} or" if network.payload.bits < most else "convert with"
    return f"Payloads of {network.payload.bits} bits are too coarse, most in {case.name}: {more} --timesteps {2 * case.steps}."


def _timing(case: _Case) -> str:
    where = "" if case.layer is None else f", most where {case.name} joins the integers"
    if case.calibrated:
        more = f"convert with --timesteps {2 * case.steps}{case.payloads}"
        return f"Spikes come unevenly{where}, and calibration makes up for part of it only: {more}."
    return f"Spikes come unevenly{where}: calibrate for it (--recipe best), or convert with --timesteps {2 * case.steps}{case.payloads}."


def _weights(case: _Case) -> str:
    widest = case.stages.network.format.weight_bits
    remedy = "" if case.calibrated else "calibrate for it (--recipe best)"
    if case.layer is None or case.layer.bits >= widest:
        return f"Rounding to {widest} bits, the most there are, costs most in {case.name}" + (f": {remedy}." if remedy else ".")
    more = f"{case.layer.bits} bits are too few for the weights into {case.name}: give it more (--bits FILE.json, up to {widest})"
    return more + (f", or {remedy}." if remedy else ".")


def _neurons(case: _Case) -> str:
    format = case.stages.network.format
    finer = " or ".join(other.name for other in FORMATS.values() if other.bias_bits > format.bias_bits)
    other = "more bits for the weights into it make its units finer" + (f", and {finer} has finer ones" if finer else "")
    return f"Thresholds, biases or initial potentials are too coarse in {format.name}, most in {case.name}: {other}."


def _saturation(case: _Case) -> str:
    often = "" if case.layer is None else f" ({case.layer.saturated} times)"
    return (
        f"Potentials reach the end of their range, most in {case.name}{often}: use fewer timesteps, or fewer bits for the weights into it."
    )


def _calibration(case: _Case) -> str:
    return "Calibration does harm here: calibrate with more images, and with images like these, or leave it out (--recipe channel)."


_Weight = Callable[[LayerLoss], tuple[float, float, float]]
"""The number by which layers are compared."""

CAUSES: dict[str, tuple[Callable[[_Case], str], _Weight | None]] = {
    "input": (_input, None),
    "clipping": (_clipping, lambda layer: layer.clipping.weight),
    "timesteps": (_timesteps, lambda layer: layer.timesteps.weight),
    "payload": (_payload, lambda layer: layer.timesteps.weight),
    "timing": (_timing, lambda layer: (0, 0, layer.in_network.error)),
    "weights": (_weights, lambda layer: layer.rounding.weight),
    "neurons": (_neurons, lambda layer: layer.rounding.weight),
    "saturation": (_saturation, lambda layer: (layer.saturated, 0, 0.0)),
    "calibration": (_calibration, None),
}
"""Name of a rung -> its sentence, and the number that finds the layer that loses most by it."""


def of_rungs(stages: Stages, rungs: Sequence[Rung], layers: Sequence[LayerLoss]) -> tuple[Advice, ...]:
    """Return advice for every rung that costs more than chance, the largest loss first."""
    found = [_of_rung(stages, rung.name, rung.change, layers) for rung in rungs if rung.change is not None and rung.change.matters]
    return tuple(sorted(found, key=lambda advice: advice.change.weight, reverse=True))


def _of_rung(stages: Stages, name: str, change: Change, layers: Sequence[LayerLoss]) -> Advice:
    sentence, weight = CAUSES[name]
    worst = None if weight is None else max(layers, key=weight)
    if weight is not None and worst is not None and max(weight(worst)) <= 0:
        worst = None
    return Advice(name, None if worst is None else worst.name, change, sentence(_Case(stages, worst)))


def of_worst_layer(stages: Stages, layer: LayerLoss) -> Advice | None:
    """Return advice on the largest loss in the layer that costs most by itself; None if this layer costs no more than chance."""
    if not layer.alone.matters:
        return None
    parts = {"clipping": layer.clipping, rounded_by(stages.ideal): layer.timesteps, "weights": layer.rounding}
    cause = max(parts, key=lambda part: parts[part].weight)
    return Advice(cause, layer.name, layer.alone, CAUSES[cause][0](_Case(stages, layer)))


def in_words(found: Attribution) -> tuple[str, ...]:
    """Return what to change as lines: the whole loss, the largest rung, the worst layer, then all other rungs that cost something."""
    rungs = [f"{advice.cause}, {_points(advice.change)}: {advice.sentence}" for advice in found.advice]
    worst, own = found.worst_layer, found.layer_advice
    if own is None:
        moved = f"{worst.name!r} moves the logits most, by {worst.alone.error:.2g} of their variance"
        layer = f"No layer by itself costs more than chance; {moved}."
    else:
        layer = f"Worst layer by itself: {worst.name!r}, {_points(own.change)}: {own.sentence}"
    last = found.rungs[-1]
    without = f", {found.points - last.change.points:.2f} without calibration" if last.name == "calibration" and last.change else ""
    return (
        f"{found.points:.2f} points of {found.measure} lost on {found.images} images at T={found.timesteps}{without}.",
        f"Largest step: {rungs[0]}" if rungs else f"No step costs more than chance; {found.largest_rung.name!r} moves the logits most.",
        layer,
        *(f"Then: {text}" for text in rungs[1:]),
    )


def _points(change: Change) -> str:
    what = "agreement" if isinstance(change.agreement, Flips) else "the outputs' variance"
    agreement = f"{change.agreement.points:.2f} points of {what}"
    if change.accuracy is None:
        return agreement
    return f"{change.accuracy.points:.2f} points{'' if change.certain else ' (may be chance)'} and {agreement}"
