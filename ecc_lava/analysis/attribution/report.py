"""The result of `attribute`: plain data, and its values for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ecc_lava.analysis.attribution.change import Change
from ecc_lava.errors import InvalidNetwork

__all__ = ["Advice", "Attribution", "LayerLoss", "Rung"]


@dataclass(frozen=True)
class Rung:
    """One network of the ladder.

    Attributes
    ----------
    name : str
        A key of `ecc_lava.analysis.attribution.ladder.RUNGS`, which describes each rung.
    images : int
    decisions, judged : int
        Decisions for each image over all outputs, and those of the first output that have labels.
    correct : int or None
        Number of right decisions of the first output.
    agreeing : int
        Number of decisions that equal the CNN's, over images and outputs.
    error : float
        Mean square error of the logits against the CNN's, relative to the variance of the CNN's.
    change : Change or None
        Change from the rung before; None for the first.
    """

    name: str
    images: int
    decisions: int
    judged: int
    correct: int | None
    agreeing: int
    error: float
    change: Change | None

    @property
    def accuracy(self) -> float | None:
        """Share of right decisions, or None without labels."""
        return None if self.correct is None else self.correct / (self.images * self.judged)

    @property
    def agreement(self) -> float:
        """Share of decisions that are the CNN's; where all outputs are numbers, the share of their variance that is kept."""
        return self.agreeing / (self.images * self.decisions) if self.decisions else 1.0 - self.error

    @property
    def good(self) -> float:
        """Accuracy, or without labels agreement."""
        return self.agreement if self.accuracy is None else self.accuracy


@dataclass(frozen=True)
class LayerLoss:
    """What one population costs.

    By itself: all other populations are the CNN's. The population answers their exact activations, a constant input of every step, with
    clipped rates, then with what it sends in T steps, then with rounded weights, thresholds, biases and initial potentials, before
    calibration. In the network: the populations before it are the integers with all their errors, and the populations after it are the
    CNN's; the loss is that of its own step to the integers.

    Attributes
    ----------
    name : str
    bits : int
        Width of the weights into it.
    clipping, timesteps, rounding : Change
        Losses by itself, step by step.
    alone : Change
        Loss by itself, of the three steps together.
    in_network : Change
        Loss in the network. Over all populations, these sum to the loss from the CNN on the input as it is sent to the integer network.
    clipped : float or None
        Share of the positive ideal activations that lie above lambda; None unless these are active integrate-and-fire neurons.
    used : float or None
        Large activation (the 99.9th percentile) of the median channel, relative to lambda; small if lambda is too large. None as `clipped`.
    saturated : int
        How often the potential is clipped, before calibration.
    """

    name: str
    bits: int
    clipping: Change
    timesteps: Change
    rounding: Change
    alone: Change
    in_network: Change
    clipped: float | None
    used: float | None
    saturated: int

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        changes = {key: getattr(self, key).as_dict() for key in ("clipping", "timesteps", "rounding", "alone", "in_network")}
        return {"name": self.name, "bits": self.bits, **changes, **{k: getattr(self, k) for k in ("clipped", "used", "saturated")}}


@dataclass(frozen=True)
class Advice:
    """What to change.

    Attributes
    ----------
    cause : str
        Name of the rung.
    layer : str or None
        The population that loses most by this cause; None if no population stands out.
    change : Change
        Loss of the rung, or of the layer by itself.
    sentence : str
    """

    cause: str
    layer: str | None
    change: Change
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"cause": self.cause, "layer": self.layer, **self.change.as_dict(), "sentence": self.sentence}


@dataclass(frozen=True)
class Attribution:
    """Where accuracy goes between the CNN and the integers.

    Attributes
    ----------
    images, timesteps : int
    rungs : tuple of Rung
        From the CNN to the integer network.
    layers : tuple of LayerLoss
        In the network's order.
    advice : tuple of Advice
        Advice on every rung that costs more than chance, the largest loss first.
    layer_advice : Advice or None
        Advice on the layer that costs most by itself; None if this layer costs no more than chance.
    """

    images: int
    timesteps: int
    rungs: tuple[Rung, ...]
    layers: tuple[LayerLoss, ...]
    advice: tuple[Advice, ...]
    layer_advice: Advice | None

    def __post_init__(self) -> None:
        first, sent, last = self.rungs[0], self.rungs[1], self.rungs[-1]
        steps = [rung.change for rung in self.rungs[1:] if rung.change is not None]
        layers = [layer.in_network for layer in self.layers]
        for what, start, changes in (("rungs", first, steps), ("layers", sent, layers)):
            pairs: list[tuple[float, float]] = []
            if start.decisions:
                pairs.append((start.agreeing - last.agreeing, sum(c.agreement.net for c in changes)))
            if start.correct is not None and last.correct is not None:
                pairs.append((start.correct - last.correct, sum(c.accuracy.net for c in changes if c.accuracy is not None)))
            if any(total != parts for total, parts in pairs):
                raise InvalidNetwork(f"the losses of the {what} do not sum to the whole: {pairs}")

    @property
    def points(self) -> float:
        """The whole loss in percentage points: of accuracy, without labels of agreement, of numbers of their variance."""
        return 100.0 * (self.rungs[0].good - self.rungs[-1].good)

    @property
    def measure(self) -> str:
        """What `points` are points of."""
        first = self.rungs[0]
        return "accuracy" if first.correct is not None else "agreement with the CNN" if first.decisions else "the outputs' variance"

    @property
    def largest_rung(self) -> Rung:
        """The rung that costs most, see `Change.weight`."""
        return max(self.rungs[1:], key=lambda rung: rung.change.weight if rung.change else (0, 0, 0.0))

    @property
    def worst_layer(self) -> LayerLoss:
        """The population that costs most by itself, see `Change.weight`."""
        return max(self.layers, key=lambda layer: layer.alone.weight)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "images": self.images,
            "timesteps": self.timesteps,
            "loss_points": self.points,
            "largest_rung": self.largest_rung.name,
            "worst_layer": self.worst_layer.name,
            "rungs": [
                {
                    "name": r.name,
                    "accuracy": r.accuracy,
                    "agreement": r.agreement,
                    "logit_error": r.error,
                    "change": None if r.change is None else r.change.as_dict(),
                }
                for r in self.rungs
            ],
            "layers": [layer.as_dict() for layer in self.layers],
            "advice": [advice.as_dict() for advice in self.advice],
            "layer_advice": None if self.layer_advice is None else self.layer_advice.as_dict(),
        }
