"""The chip page: what is in the file, and how it behaves in a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecc_lava.backends.result import Result
from ecc_lava.backends.simulate import simulate
from ecc_lava.errors import InvalidNetwork
from ecc_lava.geometry import Dense
from ecc_lava.networks import QuantisedNetwork
from hw_mappings import LOIHI1, Mapping, chip_page, map_network
from hw_mappings.chips import COSTS, RESOURCES, ChipSpec, Figure
from hw_mappings.chips.spec import figure_names
from hw_mappings.costs.cost import estimate
from hw_mappings.costs.events import events
from hw_mappings.mapping.deployed import deployed
from hw_mappings.report.page import data as page_data
from hw_mappings.report.page.words import RESOURCE_WORDS, figure_words
from hw_mappings.report.rows import layer_claims, summary
from tests.helpers.browser import chromium, colours, contrasts, in_colours, on_paper
from tests.helpers.chips import TINY, chip_with
from tests.helpers.colours import VISIONS, least_distance
from tests.helpers.networks import chain, one_readout, random_images, random_network, recoded, same_conv

EVIL = '</script><script>document.title = "taken"</script><img src=x onerror="document.title=1">'
COST_FIGURES: dict[str, Any] = {name: Figure(getattr(LOIHI1, name).value, name == "synop_fj", "a test") for name in COSTS}
PRICED = replace(TINY, **COST_FIGURES)


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


def _activity(network: QuantisedNetwork) -> Result:
    return simulate(network, random_images(network, 3), backend="golden", record=tuple(p.name for p in network.populations))


def _renamed(network: QuantisedNetwork, name: str, new: str) -> QuantisedNetwork:
    def of(old: str) -> str:
        return new if old == name else old

    populations = tuple(replace(p, name=of(p.name)) for p in network.populations)
    projections = tuple(replace(p, source=of(p.source), target=of(p.target)) for p in network.projections)
    return replace(network, populations=populations, projections=projections)


def _two_chips(chip: ChipSpec) -> ChipSpec:
    small = {"compartments": 6, "cores": 12, "mesh_columns": 4, "mesh_rows": 3, "board_columns": 2, "board_rows": 500}
    figures: dict[str, Any] = {name: Figure(value, False, "a test") for name, value in small.items()}
    return replace(chip, **figures, blocked=((None, 5),))


@pytest.fixture(scope="module")
def made() -> tuple[QuantisedNetwork, Mapping, Result]:
    """A network on several small chips, one of its layers and the chip named by an attacker."""
    network = _renamed(recoded(random_network(1), "rate"), "p1", EVIL)
    activity = _activity(network)
    return network, map_network(network, replace(_two_chips(PRICED), name=EVIL), activity), activity


@pytest.fixture(scope="module")
def html(made: tuple[QuantisedNetwork, Mapping, Result]) -> str:
    network, mapping, activity = made
    return chip_page(mapping, network, activity, title=EVIL, about={"placer": EVIL})


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
    done = _activity(graded)
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


@pytest.fixture(scope="module")
def large() -> tuple[QuantisedNetwork, Mapping]:
    """Over a thousand cores on nine chips, with many messages among them."""
    network = chain((32, 32, 1), same_conv(1, 8), same_conv(8, 8), same_conv(8, 8), Dense(np.zeros((8192, 10), np.int8)))
    chip = chip_with(compartments=24, memory_bits=None, board_columns=3, board_rows=3, chips=9)
    return network, map_network(network, chip, placer="row-major")


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as driver:
        yield driver


def _open(browser: Any, html: str, path: Path) -> None:
    path.write_text(html, encoding="utf-8")
    in_colours(browser, "light")
    browser.set_window_size(1280, 900)
    browser.get(path.as_uri())


def _focused(browser: Any) -> str:
    label = browser.switch_to.active_element.get_attribute("aria-label")
    assert isinstance(label, str)
    return label


def test_clicking_and_typing_through_the_page(
    browser: Any, made: tuple[QuantisedNetwork, Mapping, Result], html: str, tmp_path: Path
) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    _, mapping, _ = made
    _open(browser, html, tmp_path / "page.html")
    assert browser.title == f"{EVIL} on {EVIL}"
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    cells = browser.find_elements(By.CSS_SELECTOR, "button[role=gridcell]")
    assert len(cells) == len(mapping.cores)
    assert len(browser.find_elements(By.CSS_SELECTOR, "[role=grid]")) == mapping.chips >= 2
    assert [cell.get_attribute("tabindex") for cell in cells].count("0") == 1

    for colouring in ("use", "traffic", "synops", "energy", "layer"):
        choice = browser.find_element(By.CSS_SELECTOR, f"input[value={colouring}]")
        browser.execute_script("arguments[0].click()", choice)
        colours = browser.execute_script("return [...document.querySelectorAll('button.cell')].map((c) => getComputedStyle(c).background)")
        assert len(set(colours)) > 1, colouring
        assert browser.find_element(By.ID, "resource").is_displayed() == (colouring == "use")

    browser.execute_script("document.activeElement.blur(); document.querySelector('input[value=layer]').focus()")
    for _ in range(3):  # a select is hidden: the next stop is the board
        browser.switch_to.active_element.send_keys(Keys.TAB)
        if browser.switch_to.active_element.get_attribute("role") == "gridcell":
            break
    seen = {_focused(browser)}
    for key in (Keys.HOME, Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ARROW_LEFT, Keys.ARROW_UP, Keys.PAGE_DOWN, Keys.END):
        browser.switch_to.active_element.send_keys(key)
        seen.add(_focused(browser))
    assert len(seen) >= 5
    last = max(mapping.cores, key=lambda core: core.address)
    assert _focused(browser).startswith(f"core {last.address.core} of chip {last.address.chip}: ")
    details = browser.find_element(By.ID, "details").text
    assert f"Core {last.address.core} of chip {last.address.chip}" in details
    for shard in last.shards:
        assert f"{shard.neurons:,} neuron" in details and shard.population in details
    assert f"{last.usage['compartments']:,} of {mapping.chip.amount('compartments'):,}" in details.replace("\n", " ")
    outline = browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    assert not browser.get_log("browser")


def test_the_page_says_what_it_leaves_out(browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(1)
    mapping = map_network(network, TINY)
    details = "return document.getElementById('details').textContent"
    _open(browser, chip_page(mapping, network), tmp_path / "all.html")
    assert "most messages" not in browser.execute_script(details)
    monkeypatch.setattr(page_data, "PAIRS", 4)
    _open(browser, chip_page(mapping, network), tmp_path / "few.html")
    assert "this page has the 4 with most messages" in browser.execute_script(details)
    eight = "partners('To', Array(8).fill([cores[0], 1]))"
    browser.execute_script(f"document.getElementById('details').append(...{eight}, ...leftOut())")
    lines = browser.find_element("id", "details").text.splitlines()
    assert "and 2 others" in lines and any(line.startswith("Of ") and line.endswith("with most messages.") for line in lines)
    assert not browser.get_log("browser")


def test_hovering_shows_a_core_and_leaving_shows_the_last_again(
    browser: Any, made: tuple[QuantisedNetwork, Mapping, Result], html: str, tmp_path: Path
) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    _, mapping, _ = made
    _open(browser, html, tmp_path / "page.html")
    shown = browser.find_element(By.CSS_SELECTOR, "#details h3")
    before, cell = shown.text, browser.find_elements(By.CSS_SELECTOR, "button.cell")[-1]
    ActionChains(browser).move_to_element(cell).perform()
    core = mapping.cores[int(cell.get_attribute("data-index"))].address
    assert browser.find_element(By.CSS_SELECTOR, "#details h3").text == f"Core {core.core} of chip {core.chip}" != before
    assert browser.find_elements(By.CSS_SELECTOR, "button.target, button.source")
    ActionChains(browser).move_to_element(browser.find_element(By.TAG_NAME, "h1")).perform()
    assert browser.find_element(By.CSS_SELECTOR, "#details h3").text == before
    layer = browser.find_element(By.CSS_SELECTOR, "#legend button")
    layer.click()
    assert layer.get_attribute("aria-pressed") == "true"
    assert 0 < len(browser.find_elements(By.CSS_SELECTOR, "button.dim")) < len(mapping.cores)


def test_one_of_a_thing_is_no_plural(browser: Any, tmp_path: Path) -> None:
    network = one_readout()
    mapping = map_network(network, TINY)
    _open(browser, chip_page(mapping, network, _activity(network)), tmp_path / "page.html")
    assert len(mapping.cores) == 1
    labels = "[...document.querySelectorAll('[aria-label]')].map((node) => node.ariaLabel)"
    words = browser.execute_script(f"return document.body.textContent + {labels}")
    assert not re.findall(r"\b1 (?:cores|chips|neurons|messages|hops|images)\b", words)
    assert re.search(r"\b1 core\b", words)


def test_everybody_tells_layers_apart(browser: Any, html: str, tmp_path: Path) -> None:
    _open(browser, html, tmp_path / "page.html")
    for layers, first in ((8, 0), (20, 0), (20, 12), (60, 26)):  # any eight that follow one another
        browser.execute_script("data.layers = Array(arguments[0])", layers)
        named = browser.execute_script("return Array.from({ length: 8 }, (_, n) => layerColour(arguments[0] + n))", first)
        found = colours(browser, named)
        assert {vision: least_distance(found, vision) >= 0.06 for vision in VISIONS} == dict.fromkeys(VISIONS, True)


def test_on_paper_it_has_no_controls_and_nothing_is_cut(browser: Any, large: tuple[QuantisedNetwork, Mapping], tmp_path: Path) -> None:
    network, mapping = large
    _open(browser, chip_page(mapping, network, facts=summary(deployed(mapping, network))), tmp_path / "page.html")
    in_colours(browser, "dark")
    with on_paper(browser):
        assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        assert browser.execute_script("return board.offsetWidth <= document.getElementById('scroll').clientWidth")
        for hidden in ("colourings", "keys", "details"):
            assert not browser.find_element("id", hidden).is_displayed()
        exact = "return getComputedStyle(document.querySelector('button.cell')).printColorAdjust"
        assert browser.execute_script(exact) == "exact"
        assert max(colours(browser, ["var(--ink)"])[0]) < 60
    in_colours(browser, "light")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_dark(browser: Any, html: str, tmp_path: Path, scheme: str) -> None:
    _open(browser, html, tmp_path / "page.html")
    light = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    in_colours(browser, scheme)
    now = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (now == light) == (scheme == "light")
    text = "h1, h1 span, h2, p, small, th, td, li, dt, dd, label, .badge, .swatch, #legend button"
    assert min(contrasts(browser, text)) >= 4.5
    for colouring in ("use", "traffic", "synops", "energy"):
        browser.execute_script("document.querySelector(`input[value=${arguments[0]}]`).click()", colouring)
        assert min(contrasts(browser, "button.cell")) >= 4.5, colouring


def test_a_narrow_window_and_a_large_board(browser: Any, large: tuple[QuantisedNetwork, Mapping], tmp_path: Path) -> None:
    network, mapping = large
    _open(browser, chip_page(mapping, network, facts=summary(deployed(mapping, network))), tmp_path / "page.html")
    for width in (1280, 500):
        browser.set_window_size(width, 900)
        wide, seen = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert wide <= seen, "the page scrolls sideways"
        smallest = browser.execute_script("return Math.min(...[...document.querySelectorAll('button.cell')].map((c) => c.offsetWidth))")
        assert smallest >= 14
    assert not browser.get_log("browser")
