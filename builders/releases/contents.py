"""What a release holds of each collection: current documents in the order of their keys, without the notes of runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pymongo.client_session import ClientSession

from ...stores.connection import Connection
from ...stores.query.columns import all_columns
from ...stores.query.language.fields import Field, fields_of

Doc = dict[str, Any]

TABLES: Final = ("candidates", "structures", "properties", "materials")
"""Collections that are released, a Parquet file each."""
_OF_RUNS: Final = frozenset({"rev", "run_id", "created_at", "updated_at", "schema_version", "history", "origins"})
"""Fields that tell when and by which run something was written, not what: they differ where all else is the same."""
_LARGE: Final = frozenset({"structure", "template", "extra"})
"""Fields that are left to other files, or to the source."""
_OF_SOURCES: Final = frozenset(
    {"material_id", "source", "source_id", "source_version", "formula_reduced", "chemsys", "content_hash", "reference"}
)
"""Of known materials: what names them and tells that they are unchanged. The data are the source's to give away."""


def columns_of(collection: str) -> list[Field]:
    """Fields of a collection that a release has, the key first."""
    known = fields_of(collection)
    names = [name for name in all_columns(collection) if name not in _OF_RUNS | _LARGE and name != "deprecated"]
    if collection == "materials":
        names = [name for name in names if name in _OF_SOURCES]
    return [known.get(name) for name in names]


def documents_of(connection: Connection, collection: str, session: ClientSession) -> Iterator[Doc]:
    """Yield the current documents of a collection in the order of their keys, as a session sees them."""
    key = fields_of(collection).key
    shown = dict.fromkeys([*_OF_RUNS - {key}, "_id", "facets"], 0)
    documents = connection.database[collection].find({"deprecated": False}, shown, session=session)
    yield from documents.sort(key, 1).batch_size(500)


@contextmanager
def one_moment(connection: Connection) -> Iterator[ClientSession]:
    """Session whose reads all see the database of one moment, whatever is written meanwhile."""
    with connection.client.start_session(snapshot=True) as session:
        yield session
