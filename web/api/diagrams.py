"""Phase diagrams and Pourbaix diagrams as pictures: drawn one at a time, within a limit of time, kept for a while."""

from __future__ import annotations

import io
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Final, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response

from ...stores.connection import Connection
from .documents import connection_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Kind = Literal["hull", "pourbaix"]

SECONDS: Final = 20.0
"""Time for one diagram, waiting for others included."""
MOST_WAITING: Final = 8
FRESH_SECONDS: Final = 300.0
MOST_KEPT: Final = 64
_HEADERS: Final = {
    "Cache-Control": f"max-age={FRESH_SECONDS:.0f}",
    # a picture that is opened alone runs nothing
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
}

router = APIRouter()


class Drawer:
    """Draws one picture at a time, since matplotlib's fonts are shared by threads, and keeps what it has drawn.

    Parameters
    ----------
    seconds
        Time for one, waiting for others included.
    """

    def __init__(self, *, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._pen = ThreadPoolExecutor(1, thread_name_prefix="diagrams")
        self._drawn: OrderedDict[tuple[str, ...], tuple[float, Future[str]]] = OrderedDict()
        self._lock = threading.Lock()

    def picture(self, name: tuple[str, ...], draw: Callable[[], str]) -> str:
        """Picture of a name, drawn where it is not kept from a moment ago; those who ask at once share it.

        Raises
        ------
        HTTPException
            429 where too many wait, 503 where it takes too long.
        """
        now = time.monotonic()
        with self._lock:
            at, drawn = self._drawn.get(name, (-FRESH_SECONDS, None))
            if drawn is None or now - at >= FRESH_SECONDS or (drawn.done() and drawn.exception()):
                if sum(not other.done() for _, other in self._drawn.values()) >= MOST_WAITING:
                    raise HTTPException(429, "too many diagrams are being drawn: try again in a moment")
                drawn = self._pen.submit(draw)
                self._drawn[name] = (now, drawn)
                while len(self._drawn) > MOST_KEPT:
                    self._drawn.popitem(last=False)
        try:
            return drawn.result(timeout=self.seconds)
        except TimeoutError as error:
            raise HTTPException(503, f"the diagram was not drawn within {self.seconds:g} s: try again later") from error


@router.get("/diagrams/{kind}", summary="Hull or Pourbaix diagram, as SVG", response_class=Response)
def diagram(
    request: Request,
    kind: Kind,
    about: Annotated[
        str, Query(description="A chemical system (Fe-Li-O), or a candidate, structure or material", max_length=500)
    ],
) -> Response:
    """Phase diagram of a chemical system or about a structure; or its decomposition in water over pH and potential."""
    connection = connection_of(request)
    drawer: Drawer = request.app.state.drawer
    text = drawer.picture((kind, about), lambda: _drawn(connection, kind, about))
    return Response(text, media_type="image/svg+xml", headers=_HEADERS)


def _drawn(connection: Connection, kind: Kind, about: str) -> str:
    from ...builders.reports.diagrams import phase_diagram, pourbaix_diagram  # matplotlib, for those who look at one

    report = phase_diagram(connection, about) if kind == "hull" else pourbaix_diagram(connection, about)
    return _as_svg(report.figure)


def _as_svg(figure: Figure) -> str:
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return written.getvalue()
