"""The pages: every address gives the one document, scripts are ours or the viewer's, and each import is there."""

import re
from collections.abc import Callable

import pytest
import requests
from exfolio.web.pages.files import ADDRESSES

Get = Callable[..., requests.Response]


@pytest.mark.parametrize("path", [address.replace("{identity:path}", "two-dimensional/st-1") for address in ADDRESSES])
def test_every_address_of_a_page_gives_the_document(get: Get, path: str) -> None:
    answer = get(path)

    assert answer.status_code == 200
    assert '<main id="main"' in answer.text


def test_every_script_that_a_script_imports_is_served(get: Get) -> None:
    waiting, seen = ["app.js"], set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        script = get(f"/static/{name}")
        assert script.status_code == 200, name
        waiting += [found for found in re.findall(r'from "\./([\w.]+)"', script.text) if found not in seen]

    assert {"search.js", "document.js", "viewer.js", "funnel.js", "map.js"} <= seen


def test_nothing_is_loaded_from_other_servers(get: Get) -> None:
    document = get("/").text
    scripts = [get(f"/static/{name}").text for name in ("app.js", "viewer.js", "style.css")]

    assert not re.search(r"https?://(?!www\.w3\.org)", "".join([document, *scripts]))


def test_the_first_page_is_small(get: Get) -> None:
    names = ["style.css", "app.js", "api.js", "dom.js", "format.js", "search.js", "periodic.js", "document.js"]
    names += ["viewer.js", "funnel.js", "map.js", "changes.js", "status.js"]

    assert sum(len(get(f"/static/{name}").content) for name in names) + len(get("/").content) < 300_000


def test_the_viewer_comes_from_its_installed_package(get: Get) -> None:
    pytest.importorskip("weas_widget")

    assert "render" in get("/viewer/widget.js").text[-2000:]


def test_atoms_are_given_in_the_cell_that_is_asked_for(get: Get) -> None:
    stored = get("/api/v1/documents/bulk:mos2/atoms").json()
    larger = get("/api/v1/documents/bulk:mos2/atoms", cell="supercell").json()

    assert sorted(stored["symbols"]) == ["Mo"] * 2 + ["S"] * 4
    assert len(larger["symbols"]) == 27 * len(stored["symbols"])
    assert len(stored["positions"][0]) == 3
