"""Serves the pages: one document for every address of theirs, the scripts beside it, and the structure viewer."""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, HTMLResponse
from starlette.staticfiles import StaticFiles

ADDRESSES: Final = ("/", "/materials", "/compositions", "/funnel", "/map", "/changes", "/status", "/d/{identity:path}")
"""Addresses of pages; which one is shown is found out in the browser."""
_A_DAY: Final = {"Cache-Control": "max-age=86400"}


def add_pages(app: FastAPI) -> None:
    """Add the pages to an application that has the API."""
    folder = Path(str(files(__package__))) / "static"
    document = (folder / "index.html").read_text(encoding="utf-8")

    def page() -> HTMLResponse:
        return HTMLResponse(document, headers={"Cache-Control": "no-cache"})

    for address in ADDRESSES:
        app.get(address, include_in_schema=False)(page)
    app.get("/viewer/widget.js", include_in_schema=False)(_viewer)
    app.mount("/static", StaticFiles(directory=folder))


def _viewer() -> FileResponse:
    found = find_spec("weas_widget")
    script = Path(found.origin or "").parent / "static" / "widget.js" if found else None
    if script is None or not script.is_file():
        raise HTTPException(404, "the structure viewer is not installed: pip install weas-widget")
    return FileResponse(script, media_type="text/javascript", headers=_A_DAY)
