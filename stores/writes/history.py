"""Earlier values of a document's remembered fields, which it keeps where a source corrects them."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from ..documents import RegistryDocument

Doc = dict[str, Any]
KEPT_CHANGES = 20
"""So many earlier states of a document's remembered values are kept in its history; the oldest go first."""
_ROUNDING = 1e-9  # a value that differs by no more, relatively or in its unit, was rounded and not corrected


def superseded(document: type[RegistryDocument], content: Doc, stored: Doc, now: datetime) -> Doc | None:
    """Entry of the history for the remembered values that new content replaces; None where all stay.

    Parameters
    ----------
    document
        Class of the document.
    content
        What is written.
    stored
        The document as it is stored.
    now
        When.
    """
    fields = document.REMEMBERED
    values = {name: stored.get(name) for name in fields if not _same(stored.get(name), content.get(name))}
    if not values:
        return None
    earlier = {"values": values, "source_version": stored.get("source_version"), "replaced_at": now}
    return earlier | {"replaced_by": content.get("source_version")}


def _same(earlier: Any, later: Any) -> bool:
    if isinstance(earlier, float) and isinstance(later, float):
        return math.isclose(earlier, later, rel_tol=_ROUNDING, abs_tol=_ROUNDING)
    return bool(earlier == later)
