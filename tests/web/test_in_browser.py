"""Every page in a browser, on a desk and on a phone, light and dark: nothing fails, all is legible and has a name."""

from collections.abc import Iterator

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

# Contrast of text: https://www.w3.org/TR/WCAG21/#contrast-minimum, relative luminance as defined there.
CONTRAST = """(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = (c) => c.slice(0, 3).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] > 200) return c; } return [255, 255, 255]; };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), bad = new Set();
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement, style = getComputedStyle(e);
    if (!walk.currentNode.data.trim() || !e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || e.closest('.viewer, :disabled, svg')) continue;
    const [a, b] = [light(rgba(style.color)), light(ground(e))].sort((x, y) => y - x);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5)) bad.add(`${e.tagName}.${e.className} ${walk.currentNode.data.trim().slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return [...bad];
})()"""
NAMELESS = """[...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
  .filter((e) => e.checkVisibility() && !e.closest('[aria-hidden=true]'))
  .filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.length || e.getAttribute('aria-labelledby') || e.querySelector('img[alt]')))
  .map((e) => e.outerHTML.slice(0, 120))"""
FOCUSED = "(() => { const e = document.activeElement; return e.ariaLabel || e.textContent.trim().slice(0, 40) || e.id || e.tagName; })()"


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
        assert page.run(CONTRAST) == [], path
        assert page.run(NAMELESS) == [], path
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
        order.append(page.run(FOCUSED))

    assert order[0] == "Skip to content"
    assert order[1:9] == ["exfolio", "Candidates", "Materials", "Compositions", "Funnel", "Map", "Changes", "Status"]
    assert order[9:11] == ["find-text", "Light or dark"]
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") != "none", "what has the focus is seen"

    page.run("document.getElementById('find-text').focus()")
    page.run("document.getElementById('find-text').value = 'MoS2'")
    page.press("Enter", 13)
    assert page.run("location.pathname") == "/d/MoS2"
