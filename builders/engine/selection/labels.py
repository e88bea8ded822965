"""Reading documents of which some facets are kept under a label: stages speak of fields by their usual names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..batches import Doc

_COMBINING = ("$and", "$or", "$nor")


def translated(criteria: Mapping[str, Any], paths: Mapping[str, str]) -> Doc:
    """Put the places where fields are kept into a MongoDB query.

    Parameters
    ----------
    paths
        As `RegistryDocument.paths_of` gives them.

    Examples
    --------
    >>> translated({"$or": [{"p_2d": {"$gte": 0.5}}]}, {"p_2d": "classifications.x.p_2d"})
    {'$or': [{'classifications.x.p_2d': {'$gte': 0.5}}]}
    """
    if not paths:
        return dict(criteria)
    query: Doc = {}
    for name, condition in criteria.items():
        if name in _COMBINING:
            query[name] = [translated(part, paths) for part in condition]
        else:
            field, dot, rest = name.partition(".")
            query[f"{paths.get(field, field)}{dot}{rest}"] = condition
    return query


def projected(fields: Iterable[str], paths: Mapping[str, str]) -> dict[str, int]:
    """Projection of fields, wherever they are kept."""
    return {paths.get(field, field): 1 for field in fields}


def flattened(doc: Doc, paths: Mapping[str, str]) -> Doc:
    """Put what is kept under labels where its usual name says; changes the document."""
    if not paths:
        return doc
    kept: Doc = {}
    for name, path in paths.items():
        field, label, _ = path.split(".")
        values = doc.get(field, {}).get(label, {})
        if name in values:
            kept[name] = values[name]
    for path in paths.values():
        doc.pop(path.partition(".")[0], None)
    doc.update(kept)
    return doc
