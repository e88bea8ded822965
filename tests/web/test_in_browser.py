"""Every page in a browser, on a desk and on a phone, light and dark: nothing fails, all is legible and has a name."""

from collections.abc import Iterator
from pathlib import Path

import pytest

browser = pytest.importorskip("browser", reason="websockets is not installed")

pytestmark = [
    pytest.mark.endurance,
    pytest.mark.skipif(browser.installed() is None, reason="there is no Chromium"),
    pytest.mark.filterwarnings("ignore:Accessing the 'model_fields'"),  # by optimade-python-tools
]
PAGES = ("/", "/materials", "/compositions", "/funnel", "/map", "/changes", "/status", "/d/MoS2", "/d/bulk:mos2")
LOOKS = [(1440, False), (1440, True), (390, False), (390, True)]
FIRST_PAGE_BYTES = 300_000

CHECKS = Path(__file__).with_name("page_checks.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page() -> Iterator["browser.Page"]:
    with browser.opened(browser.installed()) as opened:
        yield opened


@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_every_page_shows_without_an_error_and_is_legible(page, address: str, width: int, *, dark: bool) -> None:
    page.look(width=width, height=900, dark=dark)
    page.errors.clear()

    for path in PAGES:
        page.open(f"{address}{path}")

        assert page.run("document.querySelector('h1, table, .search, .wait') !== null"), path
        assert page.run("document.documentElement.scrollWidth - innerWidth") <= 0, f"{path} is wider than the window"
        assert page.run(f"{CHECKS}; illegible()") == [], path
        assert page.run(f"{CHECKS}; nameless()") == [], path
    assert page.errors == []


def test_the_first_page_is_small_for_a_browser_that_has_nothing_kept(page, address: str) -> None:
    page.call("Network.enable")
    page.call("Network.clearBrowserCache")
    page.open(f"{address}/")

    took = "performance.getEntries().reduce((sum, entry) => sum + (entry.transferSize ?? 0), 0)"
    assert 10_000 < page.run(took) <= FIRST_PAGE_BYTES


def test_a_page_is_walked_through_by_the_keyboard(page, address: str) -> None:
    page.look(width=1440, height=900, dark=False)
    page.open(f"{address}/")

    order = []
    for _ in range(12):
        page.press("Tab", 9)
        order.append(page.run(f"{CHECKS}; focused()"))

    assert order[0] == "Skip to content"
    assert order[1:9] == ["exfolio", "Candidates", "Materials", "Compositions", "Funnel", "Map", "Changes", "Status"]
    assert order[9:11] == ["find-text", "Light or dark"]
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") != "none", "what has the focus is seen"

    page.run("document.getElementById('find-text').focus()")
    page.run("document.getElementById('find-text').value = 'MoS2'")
    page.press("Enter", 13)
    assert page.run("location.pathname") == "/d/MoS2"
