"""The page of a study: one file that loads nothing, works without a mouse, and escapes what it is given."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ecc_lava.errors import InvalidInput
from ecc_lava.studies.results import StudyResult
from ecc_lava.studies.settings import Setting, grid
from ecc_lava.studies.show.page import page
from ecc_lava.studies.trials.trial import Mapped, Trial
from tests.helpers.browser import chromium, contrasts, in_colours
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

    def test_a_narrow_window_does_not_scroll_sideways(self, driver: Any) -> None:
        driver.set_window_size(500, 900)
        assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        driver.set_window_size(1280, 1400)

    def test_dark_mode_is_dark_and_both_are_clear(self, driver: Any) -> None:
        backs = {}
        for scheme in ("light", "dark"):
            in_colours(driver, scheme)
            colour = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
            backs[scheme] = [int(part) for part in re.findall(r"\d+", colour)[:3]]
            assert min(contrasts(driver, "h1, h2, .note, small, td, th, label, dd")) >= 4.5
        assert min(backs["light"]) > 200
        assert max(backs["dark"]) < 40
