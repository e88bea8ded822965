"""What a search finds as one file, up to a number of documents: CSV, JSON lines, Parquet, an archive of CIFs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from threading import BoundedSemaphore
from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import APIRouter, HTTPException, Query, Request, Response

from ...builders.exports.parquet import write_parquet
from ...builders.exports.rows import write_csv
from ...builders.exports.structure_sets import write_archive
from ...stores.connection import Connection
from ...stores.query.columns import all_columns
from ...stores.query.language.fields import Field, fields_of
from ...stores.query.language.intervals import names_of, row_of
from ...stores.query.search import Search
from ..json_values import public, without_folders
from .documents import Collection, connection_of, known_collection, names_in

Doc = dict[str, Any]
Form = Literal["csv", "jsonl", "parquet", "cifs"]

MOST: Final = {"csv": 20_000, "jsonl": 20_000, "parquet": 20_000, "cifs": 1_000}
"""Documents in a file; `exfolio export` has no such limit."""
AT_ONCE: Final = 2
SECONDS: Final = 10.0
"""Files that are written at once, and how long one waits for its turn."""
_TYPES: Final = {
    "csv": ("text/csv; charset=utf-8", "csv"),
    "jsonl": ("application/x-ndjson", "jsonl"),
    "parquet": ("application/vnd.apache.parquet", "parquet"),
    "cifs": ("application/zip", "cifs.zip"),
}
_SCALARS: Final = ("text", "integer", "number", "true or false")
_INSIDE: Final = ("structure", "facets")
"""What no column shows."""

router = APIRouter()


@router.get("/collections/{collection}/export", summary="What a search finds, as a file", response_class=Response)
def export(
    request: Request,
    collection: Collection,
    form: Annotated[Form, Query(alias="format", description="CSV, JSON lines, Parquet, an archive of CIFs")] = "csv",
    filter: Annotated[str, Query(description="As for a search")] = "",  # noqa: A002 - OPTIMADE's word
    fields: Annotated[str, Query(description="Columns, joined by commas; all without")] = "",
    sort: Annotated[str, Query(description="As for a search")] = "",
    *,
    possible: Annotated[bool, Query(description="As for a search")] = False,
) -> Response:
    """Documents that match, each value with the ends of its interval, as a file: 20,000 documents or 1,000 structures.

    What is left out then is told in the header ``X-Exfolio-Left-Out``: `exfolio export` writes all.
    """
    known = fields_of(known_collection(collection))
    if form == "cifs" and "structure" not in known.by_path:
        raise HTTPException(400, f"{collection} have no structures: ask for csv, jsonl or parquet")
    wanted = names_in(fields) or [name for name in all_columns(collection) if name not in _INSIDE]
    columns = [known.get(name) for name in dict.fromkeys([known.key, *wanted])]
    columns = [field for field in columns if field.path not in _INSIDE]
    asked = Search(
        collection,
        filter,
        fields=() if form == "cifs" else tuple(field.path for field in columns),
        sort=tuple(names_in(sort)),
        limit=MOST[form] + 1,
        possible=possible,
    )
    connection = connection_of(request)
    kind, ending = _TYPES[form]
    headers = {"Content-Disposition": f'attachment; filename="{collection}.{ending}"'}
    writers: BoundedSemaphore = request.app.state.writers
    if not writers.acquire(timeout=SECONDS):
        raise HTTPException(429, "too many files are being written: try again in a moment")
    try:
        found = list(asked.documents(connection))
        if len(found) > MOST[form]:
            headers["X-Exfolio-Left-Out"] = f"all beyond {MOST[form]}"
        content = _written(connection, form, found[: MOST[form]], columns, known.key)
    finally:
        writers.release()
    return Response(content, media_type=kind, headers=headers)


def _written(connection: Connection, form: Form, documents: Sequence[Doc], columns: Sequence[Field], key: str) -> bytes:
    if form == "csv":
        return _as_csv(documents, columns).encode()
    if form == "jsonl":
        return b"".join(orjson.dumps(public(document), option=orjson.OPT_APPEND_NEWLINE) for document in documents)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        if form == "parquet":
            write_parquet(map(without_folders, documents), columns, path)
        else:
            write_archive(_described(connection, documents, columns, key), path, {})
        return path.read_bytes()


def _as_csv(documents: Iterable[Doc], columns: Sequence[Field]) -> str:
    lines: list[str] = []
    write_csv(map(public, documents), columns, lines.append)
    return "".join(f"{line}\n" for line in lines)


def _described(
    connection: Connection, documents: Sequence[Doc], columns: Sequence[Field], key: str
) -> Iterator[tuple[str, Doc, Doc]]:
    """Id, structure and plain values of each document; a candidate without a structure has that of its proposal."""
    named = sorted({doc["structure_id"] for doc in documents if not doc.get("structure") and doc.get("structure_id")})
    query, shown = {"structure_id": {"$in": named}}, {"_id": 0, "structure_id": 1, "structure": 1}
    found = connection.database["structures"].find(query, shown) if named else ()
    proposed = {doc["structure_id"]: doc.get("structure") for doc in found}
    scalars = [field for field in columns if field.kind in _SCALARS and not field.many]
    for document in documents:
        if structure := document.get("structure") or proposed.get(document.get("structure_id")):
            values = zip(names_of(scalars), row_of(public(document), scalars), strict=True)
            yield str(document[key]), structure, {name: value for name, value in values if value is not None}
