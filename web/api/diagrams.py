"""Phase diagrams and Pourbaix diagrams as pictures: drawn one at a time, within a limit of time, kept for a while."""

from __future__ import annotations

import io
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Annotated, Final, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response

from ...models.composition.formula.elements import ATOMIC_NUMBERS
from ...stores.connection import Connection
from ...stores.query.lookup import find_document
from ..own_process import OwnProcess
from .documents import connection_of
from .kept import Kept

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Kind = Literal["hull", "pourbaix"]

SECONDS: Final = 20.0
"""Time until a diagram's turn comes, and time for it."""
MOST_WAITING: Final = 8
FRESH_SECONDS: Final = 300.0
MOST_KEPT: Final = 64
MOST_ELEMENTS: Final = 4
_HEADERS: Final = {
    "Cache-Control": f"max-age={FRESH_SECONDS:.0f}",
    # a picture that is opened alone runs nothing
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
}

router = APIRouter()


class Drawer:
    """Draws one picture at a time in a process of its own, and keeps what it has drawn; those who ask at once share it.

    Parameters
    ----------
    connection
        The registry.
    seconds
        Time until one's turn comes, and time for one; then its drawing is ended.
    """

    def __init__(self, connection: Connection, *, seconds: float = SECONDS) -> None:
        self.connection = connection
        self.seconds = seconds
        self._pen = OwnProcess(_import)
        self._kept = Kept(FRESH_SECONDS, most=MOST_KEPT)
        self._places = BoundedSemaphore(MOST_WAITING)

    def picture(self, kind: Kind, about: str, *, narrow: bool = False) -> str:
        """Diagram as SVG, drawn where it is not kept from a moment ago.

        Raises
        ------
        HTTPException
            429 where too many wait, 503 where it takes too long or its process dies.
        """
        return self._kept.of((kind, about, narrow), lambda: self._drawn(kind, about, narrow=narrow))

    def _drawn(self, kind: Kind, about: str, *, narrow: bool) -> str:
        if not self._places.acquire(blocking=False):
            raise HTTPException(429, "too many diagrams are being drawn: try again in a moment")
        try:
            return self._pen.within(self.seconds, _draw, self.connection, kind, about, narrow=narrow)
        except TimeoutError as error:
            raise HTTPException(503, f"the diagram was not drawn within {self.seconds:g} s: try again later") from error
        except ChildProcessError as error:
            raise HTTPException(503, "the diagram could not be drawn: its process died, maybe of memory") from error
        finally:
            self._places.release()


@router.get("/diagrams/{kind}", summary="Hull or Pourbaix diagram, as SVG", response_class=Response)
def diagram(
    request: Request,
    kind: Kind,
    about: Annotated[
        str, Query(description="A chemical system (Fe-Li-O), or a candidate, structure or material", max_length=500)
    ],
    *,
    narrow: Annotated[bool, Query(description="Upright, for a phone")] = False,
) -> Response:
    """Phase diagram of a chemical system or about a structure; or its decomposition in water over pH and potential."""
    symbols = set(about.split("-"))
    if symbols <= ATOMIC_NUMBERS.keys() and kind == "hull" and not 2 <= len(symbols) <= MOST_ELEMENTS:
        raise HTTPException(400, f"a phase diagram is drawn of 2 to {MOST_ELEMENTS} elements, not of {len(symbols)}")
    if not symbols <= ATOMIC_NUMBERS.keys():
        find_document(connection_of(request), about)  # who asks of nothing is told so at once
    drawer: Drawer = request.app.state.drawer
    return Response(drawer.picture(kind, about, narrow=narrow), media_type="image/svg+xml", headers=_HEADERS)


def _import() -> None:
    from ...builders.reports import diagrams  # noqa: F401 - takes seconds of which no drawing should be short


def _draw(connection: Connection, kind: Kind, about: str, *, narrow: bool) -> str:
    from ...builders.reports.diagrams import phase_diagram, pourbaix_diagram  # matplotlib, for those who look at one

    with connection:
        report = phase_diagram(connection, about) if kind == "hull" else pourbaix_diagram(connection, about)
        return _as_svg(report.draw(narrow=narrow))


def _as_svg(figure: Figure) -> str:
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return written.getvalue()
