"""The energy and time of one image, estimated with a model of the chip from its figures; nothing is measured.

::

    core    = synops * synop + updates * update, of a core in one step, at its mean
    step    = max(slowest core, host's spikes) + barrier
    image   = T * step + resets * host_write + outputs * host_read
    latency = (T + D) * step + resets * host_write + outputs * host_read
    energy  = synops + updates + messages * spike + hops + static power * chips * image

The barrier grows linearly from one core's to a whole chip's with the fraction of the fullest chip that is in use. Every figure of a chip
is public or assumed; the sensitivity shows how much the result depends on each assumed figure. A chip without figures has events alone, and
so has a network with graded spikes or graded input, whose synops are multiplications: no chip publishes their price. Every account says so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from ecc_lava.analysis import Account
from ecc_lava.common import Float
from hw_mappings.chips import COSTS, ChipSpec, Figure
from hw_mappings.costs.energy import TIMES, account_of, known
from hw_mappings.costs.events import Events

__all__ = ["Cost", "Sensitivity", "core_step_us", "estimate"]

_US_PER_PS: Final = 1e-6


@dataclass(frozen=True)
class Sensitivity:
    """The effect of doubling one assumed figure.

    Attributes
    ----------
    figure, reason : str
    energy, time : float or None
        Factors on the energy and on the time of an image.
    """

    figure: str
    reason: str
    energy: float | None
    time: float | None


@dataclass(frozen=True)
class Cost:
    """What one image costs.

    Attributes
    ----------
    events : name -> mean number per image
        Those of the network by the names of `ecc_lava.analysis.ImageEvents`, and those that the mapping adds.
    account : Account
        Of the energy, with every update idle and with all active.
    energy_uj : part -> microjoules per image, None where the chip has no figures
    total_uj, step_us, image_us, latency_us, images_per_second : float or None
        With every update active; `least_uj` with none.
    least_uj : float or None
    latency_steps : int
        T + D.
    bottleneck_core : int
        Index of the core with the most work.
    bottleneck_us : float or None
        Time of that core in one step.
    limited_by : {"core", "host", None}
        The slower of the two, which every step waits for.
    busiest_link : (from, to), each (column, row) on the board, or None
    busiest_link_messages : float
    sensitivity : tuple of Sensitivity
    """

    events: dict[str, float]
    account: Account
    energy_uj: dict[str, float] | None
    total_uj: float | None
    least_uj: float | None
    step_us: float | None
    image_us: float | None
    latency_us: float | None
    images_per_second: float | None
    latency_steps: int
    bottleneck_core: int
    bottleneck_us: float | None
    limited_by: str | None
    busiest_link: tuple[tuple[int, int], tuple[int, int]] | None
    busiest_link_messages: float
    sensitivity: tuple[Sensitivity, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {**asdict(self), "account": self.account.as_dict()}


def core_step_us(events: Events, chip: ChipSpec) -> Float | None:
    """Return the mean time of every core in a step, (cores,) microseconds, with every update active; None without figures."""
    times = known(events, chip, TIMES)
    if times is None:
        return None
    return (events.synops * times["synop_ps"] + events.updates * times["update_active_ps"]) / events.timesteps * _US_PER_PS


@dataclass(frozen=True)
class _Times:
    """Times in microseconds as in `Cost`; all are None without figures."""

    step_us: float | None = None
    image_us: float | None = None
    latency_us: float | None = None
    slowest_us: float | None = None
    limited_by: str | None = None


def _times(events: Events, chip: ChipSpec) -> _Times:
    figures, core_us = known(events, chip, TIMES), core_step_us(events, chip)
    if figures is None or core_us is None:
        return _Times()
    slowest_us = float(core_us.max())
    host_us = events.host_spikes / events.timesteps * figures["host_spike_ps"] * _US_PER_PS
    barrier = figures["barrier_min_ps"] + events.fullest_chip * (figures["barrier_max_ps"] - figures["barrier_min_ps"])
    step_us = max(slowest_us, host_us) + barrier * _US_PER_PS
    around_us = (events.resets * figures["host_write_ps"] + events.outputs * figures["host_read_ps"]) * _US_PER_PS
    return _Times(
        step_us=step_us,
        image_us=events.timesteps * step_us + around_us,
        latency_us=(events.timesteps + events.depth) * step_us + around_us,
        slowest_us=slowest_us,
        limited_by="core" if slowest_us >= host_us else "host",
    )


def _work(events: Events, chip: ChipSpec) -> Float:
    """Return the work of every core, (cores,): its time; without figures, its synops plus updates, relative to the largest."""
    core_us = core_step_us(events, chip)
    if core_us is not None:
        return core_us
    return events.synops / max(events.synops.max(), 1.0) + events.updates / max(events.updates.max(), 1.0)


def _priced(events: Events, chip: ChipSpec) -> Cost:
    times = _times(events, chip)
    account, own = account_of(events, chip, times.image_us), events.network
    return Cost(
        events={
            **asdict(own),
            "repeater_synops": events.repeater_synops,
            "repeater_updates": events.repeater_updates,
            "messages": float(events.messages.sum()),
            "message_bits": events.message_bits,
            "hops": events.routes.horizontal + events.routes.vertical,
            "hops_between_chips": events.routes.between_chips,
            "host_spikes": events.host_spikes,
            "host_resets": float(events.resets),
            "host_outputs": float(events.outputs),
        },
        account=account,
        energy_uj=None if account.why_none else account.parts(),
        total_uj=account.high_uj,
        least_uj=account.low_uj,
        step_us=times.step_us,
        image_us=times.image_us,
        latency_us=times.latency_us,
        images_per_second=None if times.image_us is None else 1e6 / times.image_us,
        latency_steps=events.timesteps + events.depth,
        bottleneck_core=int(_work(events, chip).argmax()),
        bottleneck_us=times.slowest_us,
        limited_by=times.limited_by,
        busiest_link=events.routes.busiest,
        busiest_link_messages=events.routes.busiest_messages,
    )


def _factor(changed: float | None, base: float | None) -> float | None:
    return None if changed is None or base is None or not base else changed / base


def estimate(events: Events, chip: ChipSpec) -> Cost:
    """Return the cost of one image and its sensitivity to the assumed figures."""
    cost = _priced(events, chip)
    if cost.total_uj is None and cost.image_us is None:
        return cost
    found = []
    for name in COSTS:
        figure: Figure = getattr(chip, name)
        if not figure.public and figure.value:
            doubled = _priced(events, replace(chip, **{name: replace(figure, value=2 * figure.value)}))  # type: ignore[arg-type]
            energy, time = _factor(doubled.total_uj, cost.total_uj), _factor(doubled.image_us, cost.image_us)
            found.append(Sensitivity(name, figure.source, energy, time))
    return replace(cost, sensitivity=tuple(found))
