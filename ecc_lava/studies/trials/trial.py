"""The result of one setting of a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any, Final, TypeVar

from ecc_lava.common import wilson
from ecc_lava.studies.settings import Setting

__all__ = ["Figures", "Mapped", "Trial"]

_BITS_PER_KIB: Final = 8192


@dataclass(frozen=True)
class Mapped:
    """The figures of a network on a chip, from a mapper; None where the mapper gives none.

    Attributes
    ----------
    chip : str
    cores, chips : int or None
        None if the network does not fit.
    energy_uj, latency_us : float or None
        Estimates for one image; None if the chip has no published figures.
    mapped_images : int or None
        Number of images, the first of the study, that the estimates are means of. Trials of earlier versions have none.
    """

    chip: str
    cores: int | None = None
    chips: int | None = None
    energy_uj: float | None = None
    latency_us: float | None = None
    mapped_images: int | None = None


@dataclass(frozen=True)
class Figures:
    """Measurements; events and energies are means over the images.

    Attributes
    ----------
    images : int
    accuracy, ann_accuracy : float or None
        Of the integer network and of the CNN, on the same images; None without labels, or where outputs are numbers.
    agreement : float or None
        Fraction of the decisions (classes, positions, labels) that both make alike; None where outputs are numbers.
    synaptic_bits : int
        Memory of the weights, each stored weight counted once at its width.
    average_bits : float
        Mean width of a stored weight.
    synops_per_image, input_macs_per_image, spikes_per_image : float
    updates_per_image : int
        Neurons times timesteps.
    latency_steps : int
        T + D, from the first step of an image to its output.
    saturated : int
        Number of clipped potentials over all images.
    energy_low_uj_per_image, energy_high_uj_per_image : float or None
        Of the cores, see `ecc_lava.analysis.energy`; None if no energies are published.
    network_digest : str
    seconds, conversion_seconds : float
        Of the whole trial and of its conversion; the conversion takes 0 if an earlier trial made the network.
    graded_synops_per_image, payload_bits_per_image : float
        Spikes with a payload times their synapses, each a multiplication; bits that spikes carry. Trials of earlier versions have none.
    mean_iou, relative_rms_error, correlation : float or None
        Of the first output against the CNN's: of maps, and of numbers.
    kept_variance : float or None
        The share of the CNN's variance that is kept, where outputs are numbers.
    output_error, share_of_events : float or None
        Of networks on sequences, against the network that sends every frame whole: the RMS error of the logits over their deviation, and
        the events as a share. `images` are frames then.
    """

    images: int
    accuracy: float | None
    ann_accuracy: float | None
    agreement: float | None
    synaptic_bits: int
    average_bits: float
    synops_per_image: float
    input_macs_per_image: float
    spikes_per_image: float
    updates_per_image: int
    latency_steps: int
    saturated: int
    energy_low_uj_per_image: float | None
    energy_high_uj_per_image: float | None
    network_digest: str
    seconds: float
    conversion_seconds: float
    graded_synops_per_image: float = 0.0
    payload_bits_per_image: float = 0.0
    mean_iou: float | None = None
    relative_rms_error: float | None = None
    correlation: float | None = None
    kept_variance: float | None = None
    output_error: float | None = None
    share_of_events: float | None = None

    @property
    def loss(self) -> float | None:
        """Accuracy lost against the CNN, as a fraction of the images; None without labels."""
        return None if self.accuracy is None or self.ann_accuracy is None else self.ann_accuracy - self.accuracy

    @property
    def memory_kib(self) -> float:
        """Memory of the weights, KiB."""
        return self.synaptic_bits / _BITS_PER_KIB

    @property
    def score(self) -> float:
        """Accuracy; without labels, what is kept of the CNN."""
        return self.kept if self.accuracy is None else self.accuracy

    @property
    def kept(self) -> float:
        """How much of the CNN is kept, 0 to 1: the agreement, or of numbers the share of their variance."""
        return (self.kept_variance or 0.0) if self.agreement is None else self.agreement

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of the 95 % interval of `score`, for the number of images; the score itself where outputs are numbers."""
        return wilson(self.score, self.images) if self.kept_variance is None else (self.score, self.score)


@dataclass(frozen=True)
class Trial:
    """A setting and its result.

    Attributes
    ----------
    key : str
        Digest of the setting and of everything else that its figures depend on.
    setting : Setting
    figures : Figures or None
        None if the setting cannot run.
    error : str or None
        Why the setting cannot run, such as integers that no exponent keeps in range.
    mapped : Mapped or None
    """

    key: str
    setting: Setting
    figures: Figures | None = None
    error: str | None = None
    mapped: Mapped | None = None

    def __post_init__(self) -> None:
        assert (self.figures is None) != (self.error is None)

    @property
    def energy_uj(self) -> float | None:
        """Microjoules per image with all updates active: of the mapped chip if there is a mapper, else of the network's own events."""
        if self.mapped is not None:
            return self.mapped.energy_uj
        return None if self.figures is None else self.figures.energy_high_uj_per_image

    @property
    def events_per_image(self) -> float | None:
        """Synaptic operations and multiplications per image, a measure of energy where no energies are published."""
        f = self.figures
        return None if f is None else f.synops_per_image + f.input_macs_per_image + f.graded_synops_per_image

    def as_row(self) -> dict[str, Any]:
        """Return a flat row of JSON values; all trials have the same columns."""
        measured: dict[str, Any] = dict.fromkeys(field.name for field in fields(Figures))
        if self.figures is not None:
            measured = asdict(self.figures)
        loss = None if self.figures is None else self.figures.loss
        mapped = asdict(self.mapped) if self.mapped is not None else dict.fromkeys(field.name for field in fields(Mapped))
        return {
            **self.setting.as_dict(),
            **{name: measured.pop(name) for name in ("accuracy", "ann_accuracy")},
            "loss": loss,
            "loss_points": None if loss is None else 100.0 * loss,
            **measured,
            "events_per_image": self.events_per_image,
            **mapped,
            "error": self.error,
            "key": self.key,
        }

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values that `from_dict` reads."""
        return {
            "setting": self.setting.as_dict(),
            "figures": None if self.figures is None else asdict(self.figures),
            "error": self.error,
            "mapped": None if self.mapped is None else asdict(self.mapped),
        }

    @classmethod
    def from_dict(cls, key: str, values: Mapping[str, Any]) -> Trial:
        """Return the trial that `as_dict` describes.

        Raises
        ------
        TypeError
            If a value has another type than the field that it is for.
        """
        figures, mapped, error = values["figures"], values["mapped"], values["error"]
        if error is not None and not isinstance(error, str):
            raise TypeError(f"the error of a trial is {error!r:.80}")
        return cls(
            key,
            Setting.from_dict(values["setting"]),
            None if figures is None else _checked(Figures(**figures)),
            error,
            None if mapped is None else _checked(Mapped(**mapped)),
        )


_R = TypeVar("_R", Figures, Mapped)


def _checked(record: _R) -> _R:
    """Return a record whose fields have the types that they are declared with; numbers are finite."""
    for field in fields(record):
        value, kinds = getattr(record, field.name), str(field.type).split(" | ")
        found = type(value).__name__ if value is not None else "None"
        if not (found in kinds or (found == "int" and "float" in kinds)) or (found == "float" and not isfinite(value)):
            raise TypeError(f"{field.name} of a trial is {value!r:.80}; it must be {field.type}")
    return record
