"""The chip page: what is in the file."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from ecc_lava.backends.result import Result
from ecc_lava.errors import InvalidNetwork
from ecc_lava.networks import QuantisedNetwork
from hw_mappings import Mapping, chip_page, map_network
from hw_mappings.chips import RESOURCES
from hw_mappings.chips.spec import figure_names
from hw_mappings.costs.cost import estimate
from hw_mappings.costs.events import events
from hw_mappings.mapping.deployed import deployed
from hw_mappings.report.page import data as page_data
from hw_mappings.report.page.words import RESOURCE_WORDS, figure_words
from hw_mappings.report.rows import layer_claims, summary
from tests.helpers.chip_pages import EVIL, activity_of
from tests.helpers.chips import TINY
from tests.helpers.networks import random_network


class _Elements(HTMLParser):
    """The start tags of a page with their attributes, and the text of its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script" and not self.scripts[-1]:
            self.scripts[-1] = data
        else:
            self.words.append(data)


def _data(html: str) -> dict[str, Any]:
    loaded = json.loads(_Elements(html).scripts[0])
    assert isinstance(loaded, dict)
    return loaded


def test_the_page_loads_nothing_and_runs_nothing_but_its_own(html: str) -> None:
    elements = _Elements(html)
    policy = next(attributes["content"] for tag, attributes in elements.tags if tag == "meta" and "http-equiv" in attributes)
    assert policy is not None and policy.startswith("default-src 'none'; script-src 'sha256-")
    for tag, attributes in elements.tags:
        assert tag not in {"img", "iframe", "object", "embed", "base", "form"}
        assert "src" not in attributes and "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("href", "#") in {"#", "#mesh", "data:,"}
    assert [dict(attributes) for tag, attributes in elements.tags if tag == "script"] == [{"type": "application/json", "id": "data"}, {}]
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", html)


def test_names_from_files_are_text(made: tuple[QuantisedNetwork, Mapping, Result], html: str) -> None:
    assert EVIL not in html and "<img" not in html
    assert html.count("</script>") == 2
    elements = _Elements(html)
    assert EVIL in elements.words
    assert EVIL in _data(html)["layers"]


def test_the_data_are_the_mapping(made: tuple[QuantisedNetwork, Mapping, Result], html: str) -> None:
    network, mapping, activity = made
    data, names = _data(html), [name for name, _ in mapping.populations]
    cores = data["cores"]
    assert data["layers"] == names and [r["name"] for r in data["resources"]] == list(RESOURCES)
    assert [r["words"] for r in data["resources"]] == [RESOURCE_WORDS[name][0] for name in RESOURCES]
    assert list(zip(cores["chip"], cores["core"], strict=True)) == [(c.address.chip, c.address.core) for c in mapping.cores]
    assert cores["usage"] == [list(core.usage.values()) for core in mapping.cores]
    shards = [[[names.index(s.population), *s.y, *s.x, *s.c] for s in core.shards] for core in mapping.cores]
    assert cores["shards"] == shards
    assert [entry[0] for entry in data["chip"]["used"]] == sorted({core.address.chip for core in mapping.cores})
    assert data["chip"]["blocked"] == [[None, 5]]
    found, facts = events(deployed(mapping, network, activity)), summary(deployed(mapping, network, activity))
    cost = estimate(found, mapping.chip)
    assert cost.energy_uj is not None
    assert cores["synops"] == pytest.approx(found.synops, rel=1e-4) and cores["sent"] == pytest.approx(found.messages, rel=1e-4)
    assert sum(cores["energy"]) == pytest.approx(sum(e for part, e in cost.energy_uj.items() if part != "static"), rel=1e-3)
    assert sum(cores["sent"]) == pytest.approx(sum(cores["received"]), rel=1e-3)
    assert sum(data["pairs"]["messages"]) == pytest.approx(sum(cores["sent"]), rel=1e-3)
    assert data["pairs"]["all"] == len(data["pairs"]["target"]) == data["pairs"]["start"][-1]
    carried = [sum(link[2] for side in ("across", "down") for link in placement[side]) for placement in data["placements"]]
    routed = facts["hops"][facts["routing"]["way"]]
    for links, hops in zip(carried, (routed["hops_row_major"], routed["hops"]), strict=True):
        assert hops / 2 <= links * 1.001 and links <= hops * 1.001  # of each link the busier direction
    assert [sum(shares) for shares in data["hops"]["shares"]] == pytest.approx([1, 1], rel=1e-3)


def test_tables_say_what_limits_and_what_is_assumed(made: tuple[QuantisedNetwork, Mapping, Result], html: str) -> None:
    network, mapping, _ = made
    words = " ".join(_Elements(html).words)
    for name in figure_names():
        assert getattr(mapping.chip, name).source in words
    assert html.count('class="badge assumed"') == sum(not getattr(mapping.chip, name).public for name in figure_names())
    for name, claims in layer_claims(deployed(mapping, network)).items():
        known = {resource: claim for resource, claim in claims.items() if claim is not None}
        limit = max(known, key=lambda resource: known[resource])
        shown = name if name != EVIL else "</script>"
        assert re.search(rf"{re.escape(shown)}.*?{RESOURCE_WORDS[limit][0]}", words, re.DOTALL)
        assert f"{known[limit]:.2f}" in words


def test_figures_have_names_of_their_own() -> None:
    words = [figure_words(name) for name in figure_names()]
    assert len(set(words)) == len(words)
    assert {"synop energy", "synop time", "static power", "memory"} <= set(words)


def test_the_account_of_energy_is_on_the_page(made: tuple[QuantisedNetwork, Mapping, Result], html: str) -> None:
    network, mapping, activity = made
    cost, words = estimate(events(deployed(mapping, network, activity)), mapping.chip), " ".join(_Elements(html).words)
    assert cost.total_uj is not None
    for charge in cost.account.charges:
        assert re.search(rf"{re.escape(charge.words)}.*?{charge.high_uj:,.4g}", words, re.DOTALL), charge
    assert f"Left out: {cost.account.left_out[0]}" in words and "nothing ran on silicon" in words
    graded = random_network(1)
    done = activity_of(graded)
    assert "tiny has no figures for input MACs" in chip_page(map_network(graded, TINY, done), graded, done)


def test_claims_add_up_to_the_cores_use_of_what_adds_up() -> None:
    network = random_network(5)
    mapping = map_network(network, TINY)
    claims = layer_claims(deployed(mapping, network))
    for resource in ("compartments", "synapse_bits", "input_axons", "output_axons"):
        used = sum(core.usage[resource] for core in mapping.cores) / TINY.amount(resource)
        assert sum(claim[resource] or 0.0 for claim in claims.values()) == pytest.approx(used)
    assert all(claim["memory_bits"] is None for claim in claims.values())


def test_without_activity_there_is_traffic_but_no_energy() -> None:
    network = random_network(2)
    data = _data(chip_page(map_network(network, TINY), network))
    assert data["cores"]["energy"] is data["cores"]["synops"] is data["cores"]["step"] is None
    assert sum(data["cores"]["sent"]) > 0


def test_another_networks_mapping_is_refused() -> None:
    with pytest.raises(InvalidNetwork, match="map the network again"):
        chip_page(map_network(random_network(1), TINY), random_network(2))


def test_a_thousand_cores_take_less_than_five_megabytes(large: tuple[QuantisedNetwork, Mapping]) -> None:
    network, mapping = large
    assert len(mapping.cores) >= 1000 and mapping.chips >= 8
    html = chip_page(mapping, network, facts=summary(deployed(mapping, network)))
    assert len(html.encode()) < 5_000_000
    assert len(_data(html)["cores"]["chip"]) == len(mapping.cores)


def test_of_very_many_messages_the_most_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(1)
    mapping = map_network(network, TINY)
    everything = _data(chip_page(mapping, network))["pairs"]
    monkeypatch.setattr(page_data, "PAIRS", 4)
    few = _data(chip_page(mapping, network))["pairs"]
    assert few["all"] == everything["all"] > len(few["target"]) == few["start"][-1] == 4
    assert sorted(few["messages"]) == sorted(everything["messages"])[-4:]
