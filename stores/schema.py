"""Makes the collections: indexes and validators from the documents, loudly when one can't be made.

The documents (`stores.documents`) are the one description, with the `stores.questions` people put to them; nothing here
names a field.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import mongoengine as me
from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from . import earlier_notes
from .canonical import content_hash
from .connection import Connection
from .documents import REGISTRY, RegistryDocument
from .documents.operation import OPERATIONS
from .errors import ConfigurationError
from .questions import RETIRED, Index, indexes_of

SCHEMA_VERSION = 2
"""Version of the documents that this code writes; an older program refuses a newer one."""

# https://www.mongodb.com/docs/manual/reference/method/db.createCollection/ (storageEngine)
_COMPRESSED = {"wiredTiger": {"configString": "block_compressor=zstd"}}
"""How collections and indexes lie on disk. Of 200,000 compositions zstd takes two thirds of what snappy, the default,
does, and of their indexes, which are not compressed by default, a third; writing takes a tenth longer."""
_KEPT = frozenset(("partialFilterExpression", "sparse", "storageEngine"))  # options that say how an index is kept
# https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
_NAMESPACE_EXISTS = 48
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


def initialise(connection: Connection) -> dict[str, Any]:
    """Make or bring up to date every collection, its validator and its indexes.

    Returns
    -------
    dict
        ``collections`` (all of them), ``created`` (new ones) and ``indexes`` (how many are in force).

    Raises
    ------
    ConfigurationError
        An index or a validator can't be made; names it, the reason and what to do.
    """
    database = connection.database
    stamp = database["counters"].find_one({"_id": "schema"}) or {}
    # What documents of earlier versions lack is looked for once, as it takes a look at all of them.
    brought_up = stamp.get("layout") == layout()
    present = set(database.list_collection_names())
    created = []
    count = 0
    for document in (*REGISTRY, *OPERATIONS):
        name = document._get_collection_name()
        if name not in present:
            created.append(name)
        _set_validator(database, name, json_schema(document), new=name not in present)
        count += _make_indexes(database[name], document)
        if name in present:
            _drop_retired(database[name])
        if name in present and not brought_up:
            _name_makers(database[name], document)
            for query, pipeline in getattr(document, "UPGRADES", ()):
                database[name].update_many(query, pipeline)
    for document in REGISTRY:
        if document.collection_name() in present and not brought_up:
            _divide(database, document)
            earlier_notes.shorten(database[document.collection_name()], document)
    if "counters" not in present:
        database.create_collection("counters")
        created.append("counters")
    stamp = {"version": SCHEMA_VERSION, "layout": layout()}
    database["counters"].update_one({"_id": "schema"}, {"$set": stamp, "$unset": {"put_off": ""}}, upsert=True)
    return {
        "collections": [d._get_collection_name() for d in (*REGISTRY, *OPERATIONS)],
        "created": created,
        "indexes": count,
    }


def _drop_retired(collection: Collection[dict[str, Any]]) -> None:
    """Drop what earlier versions made and others stand in for; indexes of other people stay."""
    for name in collection.index_information().keys() & set(RETIRED.get(collection.name, ())):
        collection.drop_index(name)


def _name_makers(collection: Collection[dict[str, Any]], document: type[me.Document]) -> None:
    """Name the one stage that made each document, where documents did not yet name it."""
    if getattr(document, "SHARED", False):
        maker = f"$facets.{document.creating_facet()}.stage"
        collection.update_many({"made_by": {"$exists": False}}, [{"$set": {"made_by": [maker]}}])


def _divide(database: Database[dict[str, Any]], document: type[RegistryDocument]) -> None:
    """Give the parts of a facet their revisions, where they had none: those of the whole."""
    if not document.PARTS:
        return
    name, whole = document.collection_name(), document.creating_facet()
    for part in document.PARTS:
        new = {f"facets.{part}": {"$exists": False}}
        database[name].update_many(new, [{"$set": {f"facets.{part}": {"rev": f"$facets.{whole}.rev"}}}])
        last = {"$ifNull": [f"$facets.{whole}", "$rev"]}
        database["counters"].update_one({"_id": name, **new}, [{"$set": {f"facets.{part}": last}}])


def index_facet(connection: Connection, collection: str, facet: str) -> None:
    """Index the revisions of a facet that is not known beforehand, as those of other facets are."""
    keys = [(f"facets.{facet}.rev", 1)]
    name = f"facets.{facet}.rev_1"
    if name not in connection.database[collection].index_information():
        connection.database[collection].create_index(keys, name=name, **_as_kept(keys))


def is_initialised(connection: Connection) -> bool:
    """Whether there is a registry that this code can read, made by it or by earlier code.

    Raises
    ------
    ConfigurationError
        The database was laid out by a newer version of exfolio.
    """
    return _stamp(connection) is not None


def is_up_to_date(connection: Connection) -> bool:
    """Say whether `initialise` has made the very indexes and validators of this code; who writes sees to it.

    Raises
    ------
    ConfigurationError
        As `is_initialised`.
    """
    stamp = _stamp(connection)
    if stamp is None or stamp.get("put_off"):
        return False
    return stamp["version"] == SCHEMA_VERSION and stamp.get("layout") == layout()


def put_off_indexes(connection: Connection) -> None:
    """Have whoever writes next call `initialise`, for indexes that are lacking."""
    connection.database["counters"].update_one({"_id": "schema"}, {"$set": {"put_off": True}})


def _stamp(connection: Connection) -> dict[str, Any] | None:
    stamp = connection.database["counters"].find_one({"_id": "schema"})
    if stamp is not None and stamp["version"] > SCHEMA_VERSION:
        raise ConfigurationError(
            f"the database has schema version {stamp['version']}, this exfolio knows {SCHEMA_VERSION}",
            "Install the exfolio version that wrote it, or a newer one.",
        )
    return stamp


@cache
def layout() -> str:
    """Hash of all indexes, validators and upgrades, so that a database made by other code is told from one of this."""
    described = [
        [document._get_collection_name(), json_schema(document), index_models(document)]
        for document in (*REGISTRY, *OPERATIONS)
    ]
    upgrades = [list(getattr(document, "UPGRADES", ())) for document in (*REGISTRY, *OPERATIONS)]
    return content_hash([described, upgrades, [document.PARTS for document in REGISTRY], _COMPRESSED])


def _set_validator(database: Database[dict[str, Any]], name: str, schema: dict[str, Any], *, new: bool) -> None:
    rule: dict[str, Any] = {
        "validator": {"$jsonSchema": schema},
        "validationLevel": "strict",
        "validationAction": "error",
    }
    try:
        if not new or not _create(database, name, {**rule, "storageEngine": _COMPRESSED}):
            database.command("collMod", name, **rule)
    except OperationFailure as error:
        raise ConfigurationError(
            f"the validator of collection {name} can't be set: {_reason(error)}",
            "The database user needs the role dbAdmin on this database.",
        ) from error


def _create(database: Database[dict[str, Any]], name: str, rule: dict[str, Any]) -> bool:
    """Make a collection, or say that another process was quicker."""
    try:
        database.create_collection(name, check_exists=False, **rule)
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:
            raise
        return False
    return True


def _make_indexes(collection: Collection[dict[str, Any]], document: type[me.Document]) -> int:
    models = _as_they_can_be(collection, [{**model, **_as_kept(model["keys"])} for model in index_models(document)])
    try:
        collection.create_indexes([IndexModel(**model) for model in models])  # all in one go, several times quicker
        one_by_one = []
    except OperationFailure:
        one_by_one = models  # to name the one that can't be made
    for model in one_by_one:
        try:
            collection.create_indexes([IndexModel(**model)])
        except OperationFailure as error:
            way_out = (
                "Remove all but one of the documents that share a key"
                if model["unique"]
                else "Drop the index in the way"
            )
            raise ConfigurationError(
                f"index {model['name']} of collection {collection.name} can't be made: {_reason(error)}",
                f"{way_out}, then run `exfolio db init` again.",
            ) from error
    in_force = collection.index_information()
    for model in models:
        in_place = in_force.get(model["name"])
        if in_place is None or bool(in_place.get("unique")) != model["unique"]:
            raise ConfigurationError(
                f"index {model['name']} of collection {collection.name} is not in force as asked: {in_place}",
                "Drop it, then run `exfolio db init` again.",
            )
    return len(models)


def _as_kept(keys: list[tuple[str, int]]) -> dict[str, Any]:
    """How an index is kept: small on disk, and one of a facet's revisions only of the documents that have the facet."""
    of_a_facet = keys[0][0].startswith("facets.")
    return {"storageEngine": _COMPRESSED, **({"sparse": True} if of_a_facet else {})}


def _as_they_can_be(collection: Collection[dict[str, Any]], models: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Models of indexes beside what is there: what is kept otherwise is dropped, to be made anew.

    Unique indexes stay as they are, for they guard what is there.
    """
    in_force = collection.index_information()
    possible = []
    for model in models:
        in_place = in_force.get(model["name"])
        kept = {name: in_place[name] for name in _KEPT & in_place.keys()} if in_place else {}
        if in_place is None or kept == {name: model[name] for name in _KEPT & model.keys()}:
            possible.append(model)
        elif in_place.get("unique"):
            possible.append({name: value for name, value in model.items() if name not in _KEPT} | kept)
        else:
            collection.drop_index(model["name"])
            possible.append(model)
    return possible


def _reason(error: OperationFailure) -> str:
    details = error.details or {}
    return str(details.get("errmsg", error))
