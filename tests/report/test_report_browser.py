"""The page in a real browser: it fetches nothing, fails nowhere, can be read and be used by keyboard.

Skipped without Chromium (`apt-get install chromium`) or playwright. GRADLINT_SCREENSHOTS=FOLDER keeps what it saw.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from layer_graphs import ARGMAX, STOPPED, chain, nested, result_of, towers
from shared_result import SHARED
from test_report_formats import NASTY, nasty

from gradlint.report import FORMATS
from gradlint.report.svg import render as svg
from gradlint.report.text import Style

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

RESULTS = {
    "towers": result_of(towers(), ARGMAX),
    "ten": result_of(chain(10, skips=4, cut=4), STOPPED),
    "three-hundred": result_of(chain(300, skips=6, cut=130), STOPPED),
    "nested": result_of(nested()),
    "shared": SHARED,
    **{f"nasty-{name}": nasty(text) for name, text in NASTY.items()},
}
SCHEMES = ("light", "dark")

# Letters that leave their box, in pixels; parts that are not drawn have no size.
_ESCAPED = """
() => [...document.querySelectorAll('.picture .box')].flatMap(box => {
  const frame = box.querySelector('.frame').getBoundingClientRect();
  return [...box.querySelectorAll(':scope > text')].map(text => {
    const letters = text.getBoundingClientRect();
    return {text: text.textContent, over: letters.width && letters.right - frame.right};
  }).filter(each => each.over > 1);
})
"""
# The contrast of the letters of each box with what is behind them, as WCAG 2 reckons it.
_FAINT = """
() => {
  const channel = value => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = colour => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(channel);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  const faint = [];
  const paper = getComputedStyle(document.body).backgroundColor;
  for (const box of document.querySelectorAll('.picture .box:not(.port)')) {
    const fill = getComputedStyle(box.querySelector('.frame')).fill;
    for (const text of box.querySelectorAll(':scope > text, :scope > text > tspan'))
      faint.push([text.textContent, contrast(getComputedStyle(text).fill, fill)]);
  }
  for (const link of document.querySelectorAll('.picture .link'))
    faint.push(['link', contrast(getComputedStyle(link).stroke, paper) * 1.5]);  // 3 is enough for shapes
  return faint.filter(([, value]) => value < 4.5);
}
"""


# Norms that an arrow runs through.
_CUT = """
() => [...document.querySelectorAll('.picture')].flatMap(picture => {
  const numbers = [...picture.querySelectorAll('text.norm')];
  return [...picture.querySelectorAll('path.link')].flatMap(link => {
    const matrix = link.getScreenCTM(), points = [];
    for (let at = 0; at <= link.getTotalLength(); at += 3)
      points.push(link.getPointAtLength(at).matrixTransform(matrix));
    return numbers.filter(number => {
      const box = number.getBoundingClientRect();
      return points.some(p => box.left < p.x && p.x < box.right && box.top + 2 < p.y && p.y < box.bottom - 2);
    }).map(number => number.textContent);
  });
})
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with playwright.sync_playwright() as driver:
        # Containers run tests as root, where Chromium's sandbox cannot work; the pages are our own.
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def opened(browser, tmp_path: Path) -> Iterator[Callable[..., object]]:
    """Open a result; at the end, nothing but the page itself was asked for, and nothing went wrong."""
    requests: list[str] = []
    trouble: list[str] = []
    contexts = []

    def open_page(name: str, *, scheme: str = "light", scripts: bool = True, width: int = 1280):
        path = tmp_path / f"{name}.html"
        path.write_text(FORMATS["html"](RESULTS[name], Style()), encoding="utf-8")
        context = browser.new_context(
            color_scheme=scheme, java_script_enabled=scripts, viewport={"width": width, "height": 900}
        )
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert trouble == []
    assert {request for request in requests if not request.startswith("data:")} <= {
        path.as_uri() for path in tmp_path.glob("*.html")
    }


def keep(page, name: str) -> None:
    if folder := os.environ.get("GRADLINT_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["towers", "ten", "three-hundred", "nested", "shared"])
def test_can_be_read(opened, name: str, scheme: str) -> None:
    page = opened(name, scheme=scheme)
    keep(page, f"{name}-{scheme}")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate(_ESCAPED) == []
    assert page.evaluate(_FAINT) == []
    assert page.evaluate(_CUT) == []
    # Wide pictures scroll inside of the page, never the page itself.
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("name", [name for name in RESULTS if name.startswith("nasty-")])
def test_names_do_nothing(opened, name: str) -> None:
    page = opened(name)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.querySelectorAll('script').length") == 1
    assert page.evaluate("document.querySelectorAll('img, iframe, object, embed').length") == 0


def test_a_narrow_window_shows_the_inputs_whole(opened) -> None:
    page = opened("towers", width=480)
    assert page.locator("#inputs .scroll").evaluate("it => it.scrollWidth <= it.clientWidth")


def test_gridlines_do_not_strike_numbers_through(opened) -> None:
    page = opened("ten")
    look = "it => [getComputedStyle(it).paintOrder, getComputedStyle(it).stroke]"
    order, stroke = page.locator(".bars .scale").first.evaluate(look)
    assert order.startswith("stroke")
    assert stroke == page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_light_and_dark_differ(opened) -> None:
    papers = {opened("ten", scheme=s).evaluate("getComputedStyle(document.body).backgroundColor") for s in SCHEMES}
    assert len(papers) == 2


def test_keyboard(opened) -> None:
    page = opened("towers")
    at = "document.activeElement.querySelector('.name')?.textContent"
    page.focus(".picture .box.input")
    before = page.evaluate("document.activeElement.getBoundingClientRect().y + scrollY")
    names = []
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
        names.append(page.evaluate(at))
    assert names[1].startswith("▸ tower_")
    assert names[2] == "joined"
    assert page.evaluate("document.activeElement.getBoundingClientRect().y + scrollY") > before
    assert "layer joined" in page.inner_text("#about")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_function("location.hash.startsWith('#in-')")
    assert page.evaluate("document.querySelector(location.hash).closest('details').open")


def test_every_box_that_opens_is_reached_by_tab(opened) -> None:
    page = opened("nested")
    seen = set()
    page.focus("nav a")
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.id"))
    first = page.evaluate("[...document.querySelectorAll('#drawn-model .box:not(.port)')].map(box => box.id)")
    assert set(first) <= seen


@pytest.mark.parametrize("scripts", [True, False])
def test_a_folded_part_opens_and_leads_back(opened, scripts: bool) -> None:
    page = opened("nested", scripts=scripts)
    page.click("#drawn-model a.box >> nth=0")
    inside = page.locator("details.fold[open] .picture .box:visible")
    inside.first.wait_for(timeout=3000)
    assert inside.count() > 3
    page.click("details.fold[open] >> text=back to its box >> nth=0")
    assert "#b" in page.url


def test_an_overview_shows_where_a_long_picture_is_cut(opened) -> None:
    page = opened("three-hundred")
    overview = page.locator(".overview svg").first
    size = overview.bounding_box()
    assert size["height"] <= 900
    assert page.locator(".overview a").count() == 1
    page.click(".overview a")
    # The box at the cut is on the screen, and has the focus.
    assert page.evaluate("document.activeElement.id") == page.evaluate("location.hash.slice(1)")
    spot = page.evaluate("document.activeElement.getBoundingClientRect().y")
    assert 0 < spot < 900


def test_a_narrow_window(opened) -> None:
    page = opened("towers", width=400)
    keep(page, "towers-narrow")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_picture_as_a_file(browser, tmp_path: Path, scheme: str) -> None:
    path = tmp_path / "towers.svg"
    path.write_text(svg(RESULTS["towers"].graph, [ARGMAX]), encoding="utf-8")
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.tagName") == "svg"
    assert page.locator(".cut").count() >= 3  # one of them in the legend
    assert trouble == []
    context.close()
