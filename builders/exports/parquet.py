"""Documents as a Parquet file: a column for each field with its type, units in the schema, a batch at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from ...stores.query.language.fields import Field
from ...stores.query.language.intervals import names_of, row_of

Doc = dict[str, Any]

BATCH: Final = 5_000
_TYPES: Final = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "true or false": pa.bool_(),
    "date": pa.timestamp("ms", tz="UTC"),
}


def write_parquet(documents: Iterable[Doc], columns: Sequence[Field], path: Path) -> int:
    """Write documents into a file; gives how many.

    Parameters
    ----------
    documents
        The documents, as they come.
    columns
        Fields of a column each; beside a value that may be an interval stand its ends, as in a table. Objects and
        lists of them are JSON. The metadata of a column has ``unit`` and ``description``.
    path
        The file.
    """
    schema = pa.schema([column for field in columns for column in _columns(field)])
    number = 0
    left = iter(documents)
    with ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := list(islice(left, BATCH)):
            rows = [row_of(document, columns) for document in batch]
            arrays = [
                pa.array([_value(row[i], schema.field(i).type) for row in rows], schema.field(i).type)
                for i in range(len(schema))
            ]
            writer.write_table(pa.table(arrays, schema=schema))
            number += len(batch)
    return number


def _columns(field: Field) -> list[pa.Field]:
    kind = pa.list_(pa.string()) if field.kind == "list" else _TYPES.get(field.kind, pa.string())
    told = {"unit": field.unit, "description": field.description}
    return [pa.field(name, kind, metadata={k: v for k, v in told.items() if v}) for name in names_of([field])]


def _value(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_string(kind):
        return value if isinstance(value, str) else json.dumps(value, default=str)
    if pa.types.is_list(kind):
        return [member if isinstance(member, str) else json.dumps(member) for member in value]
    return float(value) if pa.types.is_floating(kind) else value
