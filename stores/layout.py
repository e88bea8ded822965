"""How the registry is laid out: validators and indexes of each collection, from the documents and people's questions.

The documents (`stores.documents`) are the one description, with the `stores.questions` people put to them; nothing here
names a field, or asks the database.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import mongoengine as me

from .canonical import content_hash
from .documents import REGISTRY
from .documents.operation import OPERATIONS
from .questions import Index, indexes_of

DOCUMENTS: Final[tuple[type[me.Document], ...]] = (*REGISTRY, *OPERATIONS)
"""Every collection that has a description."""

# https://www.mongodb.com/docs/manual/reference/method/db.createCollection/ (storageEngine)
COMPRESSED: Final = {"wiredTiger": {"configString": "block_compressor=zstd"}}
"""How collections and indexes lie on disk. Of 200,000 compositions zstd takes two thirds of what snappy, the default,
does, and of their indexes, which are not compressed by default, a third; writing takes a tenth longer."""
_LARGEST = 1.7976931348623157e308  # NaN sorts below every number and infinity above: both fail these bounds


def json_schema(document: type[me.Document]) -> dict[str, Any]:
    """``$jsonSchema`` of a document class: types, bounds, choices, descriptions, required fields.

    Fields the class does not name are allowed, so that an older program can read a newer database.
    """
    properties = {}
    required = []
    for name, field in document._fields.items():
        if name == "id":
            continue
        properties[field.db_field] = _field_schema(field)
        if field.required:
            required.append(field.db_field)
    schema: dict[str, Any] = {"bsonType": "object", "properties": properties}
    if required:
        schema["required"] = sorted(required)
    return schema


def _field_schema(field: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    if isinstance(field, me.FloatField):
        least = -_LARGEST if field.min_value is None else field.min_value
        most = _LARGEST if field.max_value is None else field.max_value
        schema = {"bsonType": ["double", "int", "long"], "minimum": least, "maximum": most}
    elif isinstance(field, me.IntField):
        schema = {"bsonType": ["int", "long"]}
        if field.min_value is not None:
            schema["minimum"] = field.min_value
        if field.max_value is not None:
            schema["maximum"] = field.max_value
    elif isinstance(field, me.BooleanField):
        schema = {"bsonType": "bool"}
    elif isinstance(field, me.DateTimeField):
        schema = {"bsonType": "date"}
    elif isinstance(field, me.ObjectIdField):
        schema = {"bsonType": "objectId"}
    elif isinstance(field, me.StringField):
        schema = {"bsonType": "string"}
        if field.choices:
            schema["enum"] = list(field.choices)
            del schema["bsonType"]
    elif isinstance(field, me.ListField):
        schema = {"bsonType": "array"}
        if field.field is not None:
            schema["items"] = _field_schema(field.field)
    elif isinstance(field, me.DictField):
        schema = {"bsonType": "object"}
        if isinstance(field, me.MapField):
            schema["additionalProperties"] = _field_schema(field.field)
    unit = getattr(field, "unit", None)
    description = getattr(field, "help_text", None)
    if description:
        schema["description"] = f"{description} [{unit}]" if unit else description
    return schema


def index_models(document: type[me.Document]) -> list[dict[str, Any]]:
    """Indexes of a document class, as `IndexModel` takes them: first those it names, then those for questions."""
    models: list[dict[str, Any]] = []
    for spec in document._meta["index_specs"]:
        index = Index(tuple(f"-{name}" if direction < 0 else str(name) for name, direction in spec["fields"]))
        models.append({"keys": index.keys, "name": index.name, "unique": bool(spec.get("unique"))})
    for index in indexes_of(document._get_collection_name()):
        part = {"partialFilterExpression": dict(index.part)} if index.part else {}
        models.append({"keys": index.keys, "name": index.name, "unique": False, **part})
    return models


def as_kept(keys: list[tuple[str, int]]) -> dict[str, Any]:
    """How an index is kept: small on disk, and one of a facet's revisions only of the documents that have the facet."""
    of_a_facet = keys[0][0].startswith("facets.")
    return {"storageEngine": COMPRESSED, **({"sparse": True} if of_a_facet else {})}


@cache
def layout() -> str:
    """Hash of all indexes and validators, so that a database made by other code is told from one of this."""
    described = [
        [document._get_collection_name(), json_schema(document), index_models(document)] for document in DOCUMENTS
    ]
    return content_hash([described, COMPRESSED])
