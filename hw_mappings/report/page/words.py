"""Names, units and sentences of the page."""

from __future__ import annotations

from typing import Final

from hw_mappings.resources import SynapseModel

__all__ = ["MODEL_WORDS", "PARTS", "RESOURCE_WORDS", "figure_text", "figure_words"]

RESOURCE_WORDS: Final = {
    "compartments": ("compartments", "neurons; fewer of them, or a chip that takes fewer compartments for each"),
    "synapse_bits": ("synaptic memory", "synapses; fewer of them into each neuron, fewer weight bits, larger tiles of shared weights"),
    "memory_bits": ("memory", "synapses and neurons together; fewer of either, or fewer weight bits"),
    "input_axons": ("input axons", "the spikes it reads; fewer channels before it, or cuts that read less of them"),
    "output_axons": ("output axons", "the cores it sends to; fewer channels after it, so that these are fewer"),
    "delay_slots": ("delay slots", "input that has to wait; skips over fewer layers"),
    "thresholds": ("thresholds", "distinct thresholds; one scale a layer (convert --per layer), or cuts along channels"),
    "exponents": ("exponents", "distinct weight formats; fewer projections into it"),
}
"""Resource -> its name, and what needs less of it."""

PARTS: Final = {
    "synops": "spikes through synapses",
    "updates": "updates of neurons, all active",
    "spikes": "messages within their tiles",
    "hops": "hops between cores",
    "static": "chips that do nothing",
}
"""Part of the energy -> what it is."""

MODEL_WORDS: Final = {
    SynapseModel.STRICT: "Synaptic memory holds each distinct list with its header, indices and delays; borders have lists of their own.",
    SynapseModel.IDEAL: "Synaptic memory holds weights alone, without lists: a bound, not a chip.",
}

_UNITS: Final = (("_fj", "pJ", 1000), ("_ps", "ns", 1000), ("_uw", "mW", 1000), ("_bits", "bits", 1))
"""Ending of a figure's name -> unit it is shown in, and how many of the stored units that is."""


def figure_words(name: str) -> str:
    """Return a figure's name without its unit."""
    for ending, _, _ in _UNITS:
        name = name.removesuffix(ending)
    return name.replace("_", " ")


def figure_text(name: str, value: int | None) -> str:
    """Return a figure's value with its unit."""
    if value is None:
        return "none"
    for ending, unit, stored in _UNITS:
        if name.endswith(ending):
            return f"{value / stored:,.10g} {unit}"
    return f"{value:,}"
