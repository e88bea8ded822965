"""What is put into the database for a document: all of it where it is new, else what of it changes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..documents.base import HISTORY
from ..registry_version import CURRENT
from .history import KEPT_CHANGES, superseded
from .notes import combined, left_groups, system_fields
from .written import Written

if TYPE_CHECKING:
    from .writing import FacetWriter

Doc = dict[str, Any]


def new_document(writer: FacetWriter, doc: Written, rev: int, now: datetime) -> Doc:
    """A document as it is stored first.

    Parameters
    ----------
    writer
        Of the creator's facet.
    doc
        What is written, with what its followers have made of it.
    rev
        Its revision.
    now
        When it is made.
    """
    content: Doc = {writer.document.KEY: doc.key}
    notes: Doc = {}
    for follower, written in writer.facets_of(doc, None):
        for path, value in written.content.items():
            field, _, label = path.partition(".")  # of a labelled facet only
            if label:
                content.setdefault(field, {})[label] = value
            else:
                content[field] = value
        notes[follower.facet] = follower.note(written.hash, rev, None, written.group)  # as the document was made
    notes |= {part: {"rev": rev} for part in writer.document.PARTS}
    return {
        **content,
        "schema_version": CURRENT,
        "rev": rev,
        "content_hash": combined(notes),
        "run_id": writer.run_id,
        "created_at": now,
        "updated_at": now,
        **_origins(writer, doc, content),
        **({"made_by": [writer.stage]} if writer.shares else {}),
        "deprecated": False,
        "facets": notes,
    }


def update(writer: FacetWriter, doc: Written, stored: Doc, parts: Iterable[str], *, rev: int, now: datetime) -> Doc:
    """Update that makes a stored document into what is written.

    Parameters
    ----------
    writer
        Of a facet.
    doc
        What is written, with what its followers have made of it.
    stored
        The document as it is stored: ``facets``, ``deprecated``, ``made_by``, group fields and remembered ones.
    parts
        Those parts of the facet that change.
    rev
        The new revision.
    now
        When.
    """
    changes: Doc = {}
    gone: Doc = {}
    notes: Doc = {part: {"rev": rev} for part in parts}
    anothers = writer.is_anothers(stored)
    for follower, written in writer.facets_of(doc, stored):
        if follower is writer and anothers:  # only joins those that make it
            notes[writer.facet] = {**stored["facets"][writer.facet], "rev": rev}
            continue
        changes |= written.content
        gone |= dict.fromkeys(follower.owned - written.content.keys(), "")
        if follower is writer and writer.creates and stored["deprecated"]:
            gone["deprecation_reasons"] = ""  # they were reasons for what it is no more
        left = left_groups(follower.group_fields, follower.facet, stored, written.content, rev)
        notes[follower.facet] = {**follower.note(written.hash, rev, now, written.group), **left}
    if writer.creates and not anothers:
        changes |= {"deprecated": False, "schema_version": CURRENT}
        if kept := _origins(writer, doc, doc.content):
            changes |= kept
        else:
            gone["origins"] = ""
    if writer.shares:
        others = [] if stored["deprecated"] else writer.other_makers(stored)
        changes["made_by"] = sorted({writer.stage, *others})
    changes |= system_fields(stored["facets"], notes, rev, writer.run_id, now)
    result: Doc = {"$set": changes, "$unset": gone} if gone else {"$set": changes}
    if writer.remembered and writer.facet in stored["facets"] and not anothers:
        earlier = superseded(writer.document, doc.content, stored, now)
        if earlier is not None:
            result["$push"] = {HISTORY: {"$each": [earlier], "$slice": -KEPT_CHANGES}}
    return result


def _origins(writer: FacetWriter, doc: Written, content: Doc) -> Doc:
    """Origins as they are stored: not at all where a field names the same."""
    return {} if doc.origins and doc.origins == writer.document.origin_named(content) else {"origins": doc.origins}
