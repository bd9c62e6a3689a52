"""The energy of an image on a mapping, as an account of events times the chip's figures; or why there is none."""

from __future__ import annotations

from typing import Final

import numpy as np

from ecc_lava.analysis import HOST, Account, Charge, multiplied
from ecc_lava.common import Float
from hw_mappings.chips import COSTS, ChipSpec, Figure
from hw_mappings.costs.events import Events

__all__ = ["ENERGIES", "TIMES", "account_of", "core_energies_uj", "known"]

ENERGIES: Final = tuple(name for name in COSTS if name.endswith(("_fj", "_uw")))
TIMES: Final = tuple(name for name in COSTS if name.endswith("_ps"))
_UJ_PER_FJ: Final = 1e-9
_PJ_PER_FJ: Final = 1e-3


def _why_none(events: Events, chip: ChipSpec, names: tuple[str, ...]) -> str | None:
    """Return why some figures do not price these events: there is none for multiplications, or a figure is missing."""
    reasons = [f"{chip.name} has no figures for {what}, which are multiplications" for what in multiplied(events.network)]
    missing = [name for name in names if chip.limit(name) is None]
    if missing:
        figure: Figure = getattr(chip, missing[0])
        more = f" nor {len(missing) - 1} more figures" if len(missing) > 1 else ""
        reasons.append(f"{chip.name} has no {missing[0]}{more}: {figure.source}")
    return "; ".join(reasons) or None


def known(events: Events, chip: ChipSpec, names: tuple[str, ...]) -> dict[str, float] | None:
    """Return some figures; None if they do not price these events."""
    return None if _why_none(events, chip, names) else {name: float(chip.amount(name)) for name in names}


def core_energies_uj(events: Events, chip: ChipSpec) -> dict[str, Float] | None:
    """Return the energy of every core for an image, part -> (cores,) microjoules, with every update active; None without figures.

    A hop counts for the core that sends the message. Static power belongs to no core.
    """
    energies = known(events, chip, ENERGIES)
    if energies is None:
        return None
    return {
        "synops": events.synops * energies["synop_fj"] * _UJ_PER_FJ,
        "updates": events.updates * energies["update_active_fj"] * _UJ_PER_FJ,
        "spikes": events.messages * energies["spike_fj"] * _UJ_PER_FJ,
        "hops": events.hops @ np.array([energies["hop_horizontal_fj"], energies["hop_vertical_fj"]]) * _UJ_PER_FJ,
    }


def account_of(events: Events, chip: ChipSpec, image_us: float | None) -> Account:
    """Return the energy of an image: what happens on the cores and between them, and static power while the image takes its time."""
    why, energies = _why_none(events, chip, (*ENERGIES, *TIMES)), known(events, chip, ENERGIES)
    if energies is None or image_us is None:
        return Account((), (HOST,), why)
    pj = {name: figure * _PJ_PER_FJ for name, figure in energies.items()}
    updates = (pj["update_idle_fj"], pj["update_active_fj"])
    per_neuron = chip.amount("compartments_per_neuron")
    static = energies["static_uw"]  # a microwatt is a picojoule in a microsecond
    repeaters = (
        Charge("synops", "synops of repeaters", events.repeater_synops, pj["synop_fj"], pj["synop_fj"]),
        Charge("updates", "updates of repeaters' compartments", events.repeater_updates * per_neuron, *updates),
    )
    charges = (
        Charge("synops", "synops", events.network.synops, pj["synop_fj"], pj["synop_fj"]),
        Charge("updates", f"updates of compartments, {per_neuron} a neuron", events.network.updates * per_neuron, *updates),
        *(repeaters if events.repeater_updates else ()),
        Charge("spikes", "messages to cores", float(events.messages.sum()), pj["spike_fj"], pj["spike_fj"]),
        Charge("hops", "hops along rows", events.routes.horizontal, pj["hop_horizontal_fj"], pj["hop_horizontal_fj"]),
        Charge("hops", "hops along columns", events.routes.vertical, pj["hop_vertical_fj"], pj["hop_vertical_fj"]),
        Charge("static", "static power, chip-microseconds", events.chips * image_us, static, static),
    )
    return Account(charges, (HOST,))
