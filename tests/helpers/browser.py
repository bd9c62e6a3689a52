"""Headless Chromium for the tests of pages, and what they ask it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

__all__ = ["chromium", "colours", "contrasts", "in_colours", "on_paper", "resize"]

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)
BROWSER, DRIVER = "chromium", "chromedriver"

_CONTRASTS = """
const canvas = document.createElement("canvas");
canvas.width = canvas.height = 1;
const context = canvas.getContext("2d", { willReadFrequently: true });
const luminance = (colours) => {
  context.clearRect(0, 0, 1, 1);
  for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
  const parts = [...context.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => part / 255);
  const linear = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
};
return [...document.querySelectorAll(arguments[0])].filter((node) => node.checkVisibility()).map((node) => {
  const backs = [];
  for (let box = node; box; box = box.parentElement) backs.unshift(getComputedStyle(box).backgroundColor);
  const [low, high] = [luminance(backs), luminance([...backs, getComputedStyle(node).color])].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
});
"""

_COLOURS = """
const probe = document.body.appendChild(document.createElement("span"));
const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
const found = arguments[0].map((value) => {
  probe.style.color = value;
  context.fillStyle = getComputedStyle(probe).color;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
});
probe.remove();
return found;
"""


@contextmanager
def chromium() -> Iterator[Any]:
    """Give a driver of Debian's Chromium; skip, saying so, where that is not installed."""
    if shutil.which(BROWSER) is None or shutil.which(DRIVER) is None:
        pytest.skip("needs chromium and chromium-driver, as Debian packages them")
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which(BROWSER))
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, f"--user-data-dir={Path(profile)}", "--window-size=1280,900"):
            options.add_argument(flag)
        for left in range(2, -1, -1):
            try:
                driver = webdriver.Chrome(options=options, service=Service(str(shutil.which(DRIVER))))
                break
            except WebDriverException:  # another program has taken the port that was free, or a busy machine starts it too slowly
                if not left:
                    raise
        driver.set_script_timeout(120)
        try:
            yield driver
        finally:
            driver.quit()


def in_colours(driver: Any, scheme: str) -> None:
    """Make the browser prefer light or dark colours."""
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})


@contextmanager
def on_paper(driver: Any) -> Iterator[None]:
    """Lay the page out as for printing, as wide as A4 less its margins."""
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 703, "height": 1032, "deviceScaleFactor": 1, "mobile": False})
    try:
        yield
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def colours(driver: Any, values: list[str]) -> list[list[int]]:
    """Return red, green and blue, 0 to 255, of colours that a style may name."""
    found: list[list[int]] = driver.execute_script(_COLOURS, values)
    return found


def contrasts(driver: Any, selector: str) -> list[float]:
    """Return the contrast (WCAG 2) of the text of every visible element that is selected against what is behind it."""
    found: list[float] = driver.execute_script(_CONTRASTS, selector)
    return found


def resize(driver: Any, width: int, height: int) -> None:
    """Give the window a size, and wait until the page is laid out in it: the driver answers before."""
    from selenium.webdriver.support.ui import WebDriverWait

    driver.set_window_size(width, height)
    WebDriverWait(driver, 120).until(lambda found: found.execute_script("return outerWidth") == width)
    driver.execute_async_script("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))")
