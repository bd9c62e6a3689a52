"""Fill the page's template, in one file that loads nothing (see `ecc_lava.common.pages`).

Names from files (of layers, chips and sources) are escaped in text, and reach the script as JSON that cannot end its element. The page's
own policy lets the browser run this script and use these styles, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from pathlib import Path
from typing import Any, Final

from ecc_lava.backends import Result
from ecc_lava.common import rendered
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.chips import RESOURCES, figure_names
from hw_mappings.mapping import DeployedNetwork, Mapping, deployed
from hw_mappings.report.page.data import PAIRS, drawn
from hw_mappings.report.page.words import MODEL_WORDS, RESOURCE_WORDS, figure_text, figure_words
from hw_mappings.report.rows import layer_claims, layer_rows, summary

__all__ = ["chip_page", "deployed_page"]

_FOLDER: Final = Path(__file__).parent
_SCRIPTS: Final = ("elements.js", "mesh.js", "details.js", "charts.js", "placement.js", "start.js")
"""Parts of the page's script in their order."""


_FILTERS: Final = {
    "figure_words": figure_words,
    "whole": lambda value: f"{value:,.0f}",
    "digits": lambda value: f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}",
    "percent": lambda value: f"{100 * value:.0f} %",
}


def _layers(on_cores: DeployedNetwork) -> list[dict[str, Any]]:
    claims = layer_claims(on_cores)
    rows = []
    for row in layer_rows(on_cores.mapping):
        claim = {resource: value for resource, value in claims[row.name].items() if value is not None}
        limit = max(claim, key=lambda resource: claim[resource])
        height, width, channels = row.shape
        rows.append({"row": row, "claim": claim, "limit": limit, "neurons": height * width * channels, "most": max(claim.values())})
    return rows


def chip_page(
    mapping: Mapping,
    network: QuantisedNetwork,
    activity: Result | None = None,
    *,
    title: str | None = None,
    facts: MappingOf[str, Any] | None = None,
    about: MappingOf[str, Any] | None = None,
) -> str:
    """Return a mapping as a page of HTML.

    Parameters
    ----------
    mapping : Mapping
    network : QuantisedNetwork
        The network that the mapping is of.
    activity : Result or None
        A simulation of the network, whose spikes weigh the traffic; without it, every neuron fires at every step and energies are absent.
    title : str or None
        Name of the network.
    facts : dict or None
        `hw_mappings.report.summary` of the same network and activity, if the caller has it.
    about : dict or None
        Origin of the page: name -> value.

    Raises
    ------
    InvalidNetwork
        If the mapping is of another network.
    """
    return deployed_page(deployed(mapping, network, activity), title=title, facts=facts, about=about)


def deployed_page(
    on_cores: DeployedNetwork,
    *,
    title: str | None = None,
    facts: MappingOf[str, Any] | None = None,
    about: MappingOf[str, Any] | None = None,
) -> str:
    """Return the page of a network on its cores, whose traffic the caller may have computed; parameters as for `chip_page`."""
    mapping, activity = on_cores.mapping, on_cores.activity
    found = drawn(on_cores)
    return rendered(
        _FOLDER,
        _SCRIPTS,
        _FILTERS,
        title=title or "a network",
        chip=mapping.chip,
        facts=summary(on_cores) if facts is None else facts,
        layers=_layers(on_cores),
        limited=[resource for resource in RESOURCES if mapping.chip.limit(resource) is not None],
        figures=[(figure_words(n), figure_text(n, mapping.chip.limit(n)), getattr(mapping.chip, n)) for n in figure_names()],
        model=MODEL_WORDS[mapping.model],
        words=RESOURCE_WORDS,
        pairs=PAIRS,
        images=None if activity is None else activity.images,
        cost=found.cost,
        placements=found.placements,
        data=found.data,
        about={"network": mapping.network_digest, **{name: value for name, value in (about or {}).items() if value is not None}},
    )
