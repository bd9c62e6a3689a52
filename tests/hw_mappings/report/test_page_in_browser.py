"""The chip page in a browser: clicking, typing, hovering, printing, colours and narrow windows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecc_lava.backends.result import Result
from ecc_lava.networks import QuantisedNetwork
from hw_mappings import Mapping, chip_page, map_network
from hw_mappings.mapping.deployed import deployed
from hw_mappings.report.page import data as page_data
from hw_mappings.report.rows import summary
from tests.helpers.browser import chromium, colours, contrasts, in_colours, on_paper, resize
from tests.helpers.chip_pages import EVIL, activity_of
from tests.helpers.chips import TINY
from tests.helpers.colours import VISIONS, least_distance
from tests.helpers.networks import random_network
from tests.helpers.tiny_networks import one_readout


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as driver:
        yield driver


def _open(browser: Any, html: str, path: Path) -> None:
    path.write_text(html, encoding="utf-8")
    in_colours(browser, "light")
    resize(browser, 1280, 900)
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
    _open(browser, chip_page(mapping, network, activity_of(network)), tmp_path / "page.html")
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
        resize(browser, width, 900)
        wide, seen = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert wide <= seen, "the page scrolls sideways"
        smallest = browser.execute_script("return Math.min(...[...document.querySelectorAll('button.cell')].map((c) => c.offsetWidth))")
        assert smallest >= 14
    assert not browser.get_log("browser")
