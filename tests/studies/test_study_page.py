"""The page of a study: one file that loads nothing, works without a mouse, and escapes what it is given."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from ecc_lava.errors import InvalidInput
from ecc_lava.studies.results import StudyResult
from ecc_lava.studies.settings import Setting, grid
from ecc_lava.studies.show.page import page
from ecc_lava.studies.trials.trial import Mapped, Trial
from tests.helpers.browser import chromium, colours, contrasts, in_colours, on_paper, resize
from tests.helpers.colours import VISIONS, least_distance
from tests.helpers.studies import figures

EVIL = "</script><script>document.title = 'owned'</script>"


def _trial(setting: Setting, number: int) -> Trial:
    return Trial(str(number), setting, figures(setting))


SETTINGS = grid(bits=(2, 4, 8), timesteps=(4, 8, 16)).settings
MIXED = Setting.of(8, {EVIL: 2, "<b>conv</b>": 8, "default": 8})
RESULT = StudyResult(tuple(_trial(s, i) for i, s in enumerate((*SETTINGS, MIXED))), ("loihi1 with graded input",), {"model": "abc"})


def _data(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert found is not None
    value = json.loads(found.group(1))
    assert isinstance(value, dict)
    return value


def test_it_loads_nothing_and_holds_every_trial() -> None:
    text = page(RESULT, "vgg.keras")
    assert not re.search(r"(?:src|href)\s*=\s*(?![\"']?(?:#|data:))", text)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest", text)
    assert "default-src 'none'" in html.unescape(text)
    assert len(_data(text)["points"]) == len(RESULT.trials) == text.count("<tr data-point")
    assert "loihi1 with graded input" in text
    assert len(text) < 60_000


def test_names_are_text() -> None:
    text = page(RESULT, EVIL)
    assert text.count("<script") == 2
    assert EVIL not in text
    assert "<b>conv</b>" not in text
    assert _data(text)["points"][-1]["widths"] == {EVIL: 2, "<b>conv</b>": 8, "default": 8}


def test_the_front_is_marked() -> None:
    points = _data(page(RESULT))["points"]
    assert [p["front"] for p in points] == [t in RESULT.front() for t in RESULT.trials]


def test_columns_without_numbers_are_left_out() -> None:
    assert "energy, µJ" not in page(RESULT)
    mapped = StudyResult((replace(RESULT.trials[0], mapped=Mapped("c", 7, 1, 5.0, 2.0)),))
    assert "energy, µJ" in page(mapped)
    assert set(_data(page(mapped))["axes"]) >= {"energy_uj", "cores", "latency_us"}


def test_the_card_prefers_less_memory_and_fewer_events_within_the_interval() -> None:
    images = [replace(figures(s), images=200, accuracy=accuracy) for s, accuracy in zip(SETTINGS, (0.9, 0.975, 0.97, 0.5), strict=False)]
    sizes = ((500, 9.0), (300, 8.0), (300, 7.0), (100, 1.0))  # bits and events; the best setting is the second, 97.5 %
    made = [replace(f, synaptic_bits=bits, synops_per_image=events) for f, (bits, events) in zip(images, sizes, strict=True)]
    trials = tuple(Trial(str(i), s, f) for i, (s, f) in enumerate(zip(SETTINGS, made, strict=False)))
    result = StudyResult(trials)
    assert result.best() is trials[1] and result.preferred() is trials[2]
    card = re.search(r'<li id="preferred">(.*?)</li>', page(result), re.S)
    assert card is not None
    assert "97.00 %" in card.group(1) and "97.50 %" in card.group(1) and "94.28 % to 98.93 % on 200 images" in card.group(1)
    sure = StudyResult(tuple(replace(t, figures=replace(f, images=100_000)) for t, f in zip(trials, made, strict=True)))
    assert sure.preferred() is sure.trials[1]


def test_energies_say_what_they_are_of_and_why_there_are_none() -> None:
    first = RESULT.trials[0]
    rate = replace(figures(Setting.of(4, 8, format="loihi1")), input_macs_per_image=0.0)
    notes = {
        "no energies are published for loihi2": first,
        "energy of loihi1 is of synops and updates, all active, without messages": Trial("a", Setting.of(4, 8, format="loihi1"), rate),
        "messages, hops and static power of the first 16 images, without the host": replace(first, mapped=Mapped("c", 7, 1, 5.0, 2.0, 16)),
        "no energy for c: the network does not fit": replace(first, mapped=Mapped("c")),
        "no energy for c: it has no figures for all these events": replace(first, mapped=Mapped("c", 7, 1)),
    }
    for note, trial in notes.items():
        assert note in StudyResult((trial,)).energy_note
        assert note in page(StudyResult((trial,))).replace("Energy of", "energy of").replace("No energ", "no energ")
    assert notes["no energy for c: the network does not fit"].energy_uj is None
    graded = Trial("b", Setting.of(4, 8), replace(figures(Setting.of(4, 8)), graded_synops_per_image=5.0))
    both = StudyResult((first, graded)).energy_note
    assert both.count("no energy for loihi2") == both.count("no energies are published for loihi2") == 1, "each reason once"
    assert "graded synops" in both


def test_a_study_without_a_trial_that_ran_has_no_page() -> None:
    with pytest.raises(InvalidInput, match="nothing to draw"):
        page(StudyResult((Trial("k", SETTINGS[0], error="too large"),)))


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    file = tmp_path_factory.mktemp("page") / "study.html"
    file.write_text(page(RESULT, EVIL), encoding="utf-8")
    with chromium() as browser:
        browser.get(file.as_uri())
        yield browser
        assert browser.get_log("browser") == []


def _points(driver: Any, chart: int) -> list[Any]:
    found: list[Any] = driver.find_elements("css selector", ".chart")[chart].find_elements("css selector", ".point")
    return found


class TestInChromium:
    def test_nothing_is_executed_that_is_not_ours(self, driver: Any) -> None:
        assert driver.title == f"Quantisation study of {EVIL}"

    def test_every_chart_has_every_point(self, driver: Any) -> None:
        assert [len(_points(driver, chart)) for chart in range(4)] == [len(RESULT.trials)] * 4

    def test_hovering_says_what_a_point_is_and_marks_it_everywhere(self, driver: Any) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        point = _points(driver, 1)[0]
        ActionChains(driver).move_to_element(point).perform()
        tip = driver.find_element("id", "tip")
        assert tip.is_displayed()
        name = tip.find_element("css selector", "b").text
        assert name in point.get_attribute("aria-label")
        marked = driver.find_elements("css selector", ".chosen")
        assert len(marked) == 5  # four charts and the table
        assert len({m.get_attribute("data-point") for m in marked}) == 1

    def test_the_keyboard_goes_from_point_to_point(self, driver: Any) -> None:
        from selenium.webdriver.common.keys import Keys

        driver.execute_script("arguments[0].focus()", _points(driver, 0)[0])
        tip, seen = driver.find_element("id", "tip"), []
        for _ in range(len(RESULT.trials)):
            seen.append(driver.switch_to.active_element.get_attribute("aria-label"))
            assert tip.text.splitlines()[0] in seen[-1]
            driver.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
        assert len(set(seen)) == len(RESULT.trials)
        driver.switch_to.active_element.send_keys(Keys.HOME)
        assert driver.switch_to.active_element.get_attribute("aria-label") == seen[0]
        driver.switch_to.active_element.send_keys(Keys.TAB)
        focused = driver.switch_to.active_element
        assert focused in _points(driver, 1)  # one stop a chart
        focused.send_keys(Keys.ESCAPE)
        assert not tip.is_displayed()

    def test_the_axis_of_the_front_can_be_chosen(self, driver: Any) -> None:
        before = driver.find_elements("css selector", ".chart")[3].get_attribute("innerHTML")
        driver.execute_script(
            "const s = document.getElementById('against'); s.value = 'latency_steps'; s.dispatchEvent(new Event('change'))"
        )
        after = driver.find_elements("css selector", ".chart")[3]
        assert after.get_attribute("innerHTML") != before
        assert "latency" in after.find_element("css selector", "svg").get_attribute("aria-label")

    def test_the_table_sorts(self, driver: Any) -> None:
        def column() -> list[float]:
            cells = driver.find_elements("css selector", "#trials tbody td:nth-child(3)")
            return [float(cell.get_attribute("data-sort")) for cell in cells]

        button = driver.find_elements("css selector", "#trials th button")[2]
        driver.execute_script("arguments[0].click()", button)
        assert column() == sorted(column())
        driver.execute_script("arguments[0].click()", button)
        assert column() == sorted(column(), reverse=True)

    def test_ticks_have_the_digits_they_need_and_do_not_overlap(self, driver: Any) -> None:
        for ticks, words in (
            ([98.25, 98.5, 98.75], ["98.25", "98.5", "98.75"]),
            ([3.37, 10.1, 13.5], ["3.37", "10.1", "13.5"]),
            ([4, 8, 16, 32], ["4", "8", "16", "32"]),
            ([50_000, 100_000], ["50 k", "100 k"]),
        ):
            assert driver.execute_script("return labels(arguments[0], short)", ticks) == words
        ticks_of = "[...arguments[0].querySelectorAll('.tick')].map((tick) => tick.getBoundingClientRect())"
        boxes = f"return {ticks_of}.map((box) => [box.left, box.right])"
        for width in (1280, 500):
            resize(driver, width, 1400)
            for chart in driver.find_elements("css selector", ".chart"):
                edges = driver.execute_script(boxes, chart)
                assert len(edges) >= 2
                assert all(right < left for (_, right), (left, _) in pairwise(edges))
        resize(driver, 1280, 1400)

    def test_points_that_coincide_stand_side_by_side(self, driver: Any) -> None:
        at = "return [...arguments[0].querySelectorAll('.point')].map((p) => p.getAttribute('transform'))"
        apart = "const p = arguments[0].map((own) => ({ own })); setApart(p); return p.map((q) => q.place)"
        for chart in driver.find_elements("css selector", ".chart"):
            places = driver.execute_script(at, chart)
            assert len(set(places)) == len(places)
        places = driver.execute_script(apart, [[200, 50], [200, 50], [201, 52], [300, 50]])
        assert [x for x, _ in places] == [190, 200, 210, 300]
        edge = driver.execute_script(apart, [[62, 50]] * 9)
        assert min(x for x, _ in edge) == 62 and len({x for x, _ in edge}) == 9

    def test_intervals_are_drawn_inside_the_axes(self, driver: Any) -> None:
        box = "const b = arguments[0].getBBox(); return [b.y, b.y + b.height]"
        for chart in driver.find_elements("css selector", ".chart"):
            bars = chart.find_elements("css selector", ".interval")
            above = [p for p in _data(page(RESULT))["points"] if p["score"] >= 0.85]
            assert len(bars) >= len(above)
            for bar in bars:
                top, bottom = driver.execute_script(box, bar)
                assert 12 <= top < bottom <= 330 - 44

    def test_everybody_tells_widths_apart(self, driver: Any) -> None:
        for scheme in ("light", "dark"):
            in_colours(driver, scheme)
            found = colours(driver, [f"var(--w{width})" for width in (2, 3, 4, 5, 6, 7, 8, "m")])
            assert {vision: least_distance(found, vision) >= 0.06 for vision in VISIONS} == dict.fromkeys(VISIONS, True)
        in_colours(driver, "light")

    def test_on_paper_it_has_no_controls_and_nothing_is_cut(self, driver: Any) -> None:
        in_colours(driver, "dark")
        with on_paper(driver):
            assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
            assert not driver.find_element("id", "against").is_displayed() and not driver.find_element("id", "keys").is_displayed()
            assert driver.execute_script("return getComputedStyle(document.querySelector('.wide')).overflowX") == "visible"
            ink = colours(driver, ["var(--ink)"])[0]
            assert max(ink) < 60  # dark on white, whatever the screen prefers
        in_colours(driver, "light")

    def test_a_narrow_window_does_not_scroll_sideways(self, driver: Any) -> None:
        resize(driver, 500, 900)
        assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        resize(driver, 1280, 1400)

    def test_dark_mode_is_dark_and_both_are_clear(self, driver: Any) -> None:
        backs = {}
        for scheme in ("light", "dark"):
            in_colours(driver, scheme)
            colour = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
            backs[scheme] = [int(part) for part in re.findall(r"\d+", colour)[:3]]
            assert min(contrasts(driver, "h1, h2, .note, small, td, th, label, dd")) >= 4.5
        assert min(backs["light"]) > 200
        assert max(backs["dark"]) < 40
