"""Names, units and sentences on the page."""

from __future__ import annotations

from typing import Final

from hw_mappings.resources import SynapseModel

__all__ = ["MODEL_WORDS", "RESOURCE_WORDS", "figure_text", "figure_words"]

RESOURCE_WORDS: Final = {
    "compartments": ("compartments", "fewer neurons, or a chip with fewer compartments per neuron"),
    "synapse_bits": ("synaptic memory", "fewer synapses into each neuron, fewer weight bits, or larger tiles of shared weights"),
    "memory_bits": ("memory", "fewer synapses, fewer neurons, or fewer weight bits"),
    "input_axons": ("input axons", "fewer channels in the layers before it, or cuts that read fewer spikes"),
    "output_axons": ("output axons", "fewer channels in the layers after it, so that it sends to fewer cores"),
    "delay_slots": ("delay slots", "skips over fewer layers"),
    "thresholds": ("thresholds", "one scale per layer (convert --per layer), or cuts along channels"),
    "exponents": ("exponents", "fewer projections into the layer"),
}
"""Resource -> its name, and what reduces its use."""

MODEL_WORDS: Final = {
    SynapseModel.STRICT: "Synaptic memory holds each distinct list with its header, indices and delays; borders have lists of their own.",
    SynapseModel.IDEAL: "Synaptic memory holds weights alone, without lists: a bound, not a chip.",
}

_UNITS: Final = (("_fj", "energy", "pJ", 1000), ("_ps", "time", "ns", 1000), ("_uw", "power", "mW", 1000), ("_bits", "", "bits", 1))
"""(ending of a figure's name, what it is, unit on the page, stored units per shown unit)."""


def figure_words(name: str) -> str:
    """Return a figure's name with what it is in place of its unit."""
    for ending, quantity, _, _ in _UNITS:
        if name.endswith(ending):
            name = f"{name.removesuffix(ending)} {quantity}".strip()
    return name.replace("_", " ")


def figure_text(name: str, value: int | None) -> str:
    """Return a figure's value with its unit."""
    if value is None:
        return "none"
    for ending, _, unit, stored in _UNITS:
        if name.endswith(ending):
            return f"{value / stored:,.10g} {unit}"
    return f"{value:,}"
