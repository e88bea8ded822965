"""Makes the collections as `layout` has them and brings those of earlier versions up to date, loudly where it can't.

Several programs may do so at once: each step is either done by one of them or found done.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure

from .. import __version__
from .connection import Connection
from .documents import REGISTRY
from .errors import ConfigurationError
from .layout import COMPRESSED, DOCUMENTS, as_kept, index_models, json_schema, layout
from .migrations.migration import Migration
from .migrations.steps import STEPS
from .migrations.taking_turns import wait_for_others
from .questions import RETIRED
from .registry_version import CURRENT, OF_NEWER, STAMP, STEPS_DONE, refuse_newer

Doc = dict[str, Any]
_KEPT = frozenset(("partialFilterExpression", "sparse", "storageEngine"))  # options that say how an index is kept
# https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
_IN_EACH_OTHERS_WAY: Final = {
    27: "IndexNotFound",
    48: "NamespaceExists",
    112: "WriteConflict",
    117: "ConflictingOperationInProgress",
    276: "IndexBuildAborted",
    12587: "BackgroundOperationInProgressForNamespace",
}
"""What the server says where another program is at the same collection: looked at again, it is done or free."""
_ATTEMPTS: Final = 60
_LONGEST_WAIT: Final = 0.5  # s


@dataclass(frozen=True, slots=True)
class _Due:
    """What a collection lacks."""

    collection: str
    schema: Doc | None
    make: tuple[Doc, ...] = ()
    drop: tuple[str, ...] = ()
    new: bool = False


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What brings a registry up to date.

    Attributes
    ----------
    version
        Of the registry now; 0 where there is none.
    steps
        Migrations that were not done yet, with the number of documents each would change.
    created
        Collections that are not there yet.
    validators
        Collections whose validator is another.
    made, dropped
        Indexes to make and to drop, as collection and name.
    """

    version: int
    steps: tuple[tuple[Migration, int], ...]
    created: tuple[str, ...]
    validators: tuple[str, ...]
    made: tuple[str, ...]
    dropped: tuple[str, ...]


def look(connection: Connection) -> Upgrade:
    """What `initialise` would do; changes nothing, looks at all documents where a step is due.

    Raises
    ------
    ConfigurationError
        As `is_up_to_date`.
    """
    is_up_to_date(connection)
    due = list(_due(connection.database))
    return Upgrade(
        _steps_done(_stamp(connection)),
        tuple((step, step.pending(connection)) for step in _steps_due(connection)),
        tuple(of.collection for of in due if of.new),
        tuple(of.collection for of in due if of.schema and not of.new),
        tuple(f"{of.collection}.{model['name']}" for of in due for model in of.make if not of.new),
        tuple(f"{of.collection}.{name}" for of in due for name in of.drop),
    )


def initialise(connection: Connection) -> dict[str, Any]:
    """Make or bring up to date every collection: its documents by the steps that are due, its validator, its indexes.

    Returns
    -------
    dict
        ``collections`` (all of them), ``created`` (new ones) and ``indexes`` (how many are in force).

    Raises
    ------
    ConfigurationError
        An index or a validator can't be made, names it, the reason and what to do; or the registry is of a newer
        program.
    LeaseHeld
        Documents are to be changed, and another program is at work.
    """
    is_up_to_date(connection)
    steps = _steps_due(connection)
    if steps:
        wait_for_others(connection)  # before anything is changed, so that they may be started again
        _refuse_programs_of_before(connection)
        wait_for_others(connection)
    created = _lay_out(connection, only_new=True)  # where the steps may write
    for step in steps:
        step.run(connection)
    _lay_out(connection)
    _sign(connection)
    return {
        "collections": [document._get_collection_name() for document in DOCUMENTS],
        "created": created,
        "indexes": sum(len(index_models(document)) for document in DOCUMENTS),
    }


def _lay_out(connection: Connection, *, only_new: bool = False) -> list[str]:
    """Bring collections, validators and indexes up to date; returns which collections were made."""
    created = set()
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            for due in _due(connection.database):
                if due.new or not only_new:
                    _settle(connection.database, due)
                    created |= {due.collection} if due.new else set()
            break
        except OperationFailure as error:
            if error.code not in _IN_EACH_OTHERS_WAY or attempt == _ATTEMPTS:
                raise
            time.sleep(random.uniform(0, _LONGEST_WAIT))  # noqa: S311  nothing secret
    return sorted(created)


def index_facet(connection: Connection, collection: str, facet: str) -> None:
    """Index the revisions of a facet that is not known beforehand, as those of other facets are."""
    keys = [(f"facets.{facet}.rev", 1)]
    name = f"facets.{facet}.rev_1"
    if name not in connection.database[collection].index_information():
        connection.database[collection].create_index(keys, name=name, **as_kept(keys))


def is_initialised(connection: Connection) -> bool:
    """Whether there is a registry that this code can read, made by it or by earlier code.

    Raises
    ------
    ConfigurationError
        The registry is of a newer version of exfolio.
    """
    return _stamp(connection) is not None


def is_up_to_date(connection: Connection) -> bool:
    """Say whether `initialise` has made the very indexes and validators of this code; who writes sees to it.

    Raises
    ------
    ConfigurationError
        As `is_initialised`, also where only indexes and validators are those of a newer program: this one would put
        its own in their place.
    """
    stamp = _stamp(connection)
    if stamp is None:
        return False
    if stamp.get("layout") != layout() and _numbers(stamp.get("program", "0")) > _numbers(__version__):
        raise ConfigurationError(
            f"{connection.describe()} was brought up to date by a newer exfolio than this one", OF_NEWER
        )
    return bool(_steps_done(stamp) == CURRENT and stamp.get("layout") == layout() and not stamp.get("put_off"))


def put_off_indexes(connection: Connection) -> None:
    """Have whoever writes next call `initialise`, for indexes that are lacking."""
    connection.database["counters"].update_one(STAMP, {"$set": {"put_off": True}})


def _stamp(connection: Connection) -> Doc | None:
    stamp = connection.database["counters"].find_one(STAMP)
    refuse_newer(stamp, connection.describe())
    return stamp


def _steps_done(stamp: Doc | None) -> int:
    """Number of the last step that is done; 0 where there is no registry."""
    return int(stamp[STEPS_DONE] if STEPS_DONE in stamp else stamp["version"]) if stamp else 0


def _refuse_programs_of_before(connection: Connection) -> None:
    """Note the version to come, and how far the documents are; once, also where two programs do it."""
    done = {"$ifNull": [f"${STEPS_DONE}", {"$ifNull": ["$version", 0]}]}
    noted: Doc = {"$set": {STEPS_DONE: done, "version": CURRENT}}
    with suppress(DuplicateKeyError):
        connection.database["counters"].update_one(STAMP, [noted], upsert=True)


def _sign(connection: Connection) -> None:
    """Note that this program has laid the registry out."""
    counters = connection.database["counters"]
    laid_out: Doc = {"layout": layout(), "program": __version__}
    over = dict.fromkeys((STEPS_DONE, "put_off", "earlier"), "")
    changes: Doc = {"$max": {"version": CURRENT}, "$set": laid_out, "$unset": over}
    with suppress(DuplicateKeyError):  # another program of this version has just done so
        counters.update_one(STAMP, changes, upsert=True)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _steps_due(connection: Connection) -> tuple[Migration, ...]:
    stamp = _stamp(connection)
    if stamp is None and not set(connection.database.list_collection_names()) & {d.collection_name() for d in REGISTRY}:
        return ()
    return tuple(step for step in STEPS if step.number > _steps_done(stamp))


def _due(database: Database[Doc]) -> Iterator[_Due]:
    """Yield what each collection lacks, where it lacks anything."""
    present = {listed["name"]: listed["options"] for listed in database.list_collections()}
    for document in DOCUMENTS:
        name = document._get_collection_name()
        schema = json_schema(document)
        models = [{**model, **as_kept(model["keys"])} for model in index_models(document)]
        if name not in present:
            yield _Due(name, schema, tuple(models), new=True)
            continue
        in_force = database[name].index_information()
        make, drop = _indexes_due(models, in_force)
        drop |= in_force.keys() & set(RETIRED.get(name, ()))
        other = not _rule(schema).items() <= present[name].items()
        if other or make or drop:
            yield _Due(name, schema if other else None, tuple(make), tuple(sorted(drop)))
    if "counters" not in present:
        yield _Due("counters", None, new=True)


def _indexes_due(models: list[Doc], in_force: Any) -> tuple[list[Doc], set[str]]:
    """Indexes to make and to drop: one that is kept otherwise is made anew.

    Unique ones stay as they are, for they guard what is there.
    """
    make, drop = [], set()
    for model in models:
        in_place = in_force.get(model["name"])
        if in_place is None or not _is_asked(in_place, model):
            make.append(model)
        elif not model["unique"] and any(in_place.get(option) != model.get(option) for option in _KEPT):
            drop.add(model["name"])
            make.append(model)
    return make, drop


def _is_asked(in_place: Doc, model: Doc) -> bool:
    same_keys = [*map(tuple, in_place["key"])] == model["keys"]
    return same_keys and bool(in_place.get("unique")) == bool(model["unique"])


def _settle(database: Database[Doc], due: _Due) -> None:
    collection = database[due.collection]
    rule: dict[str, Any] = _rule(due.schema) if due.schema else {}
    if due.new:
        options: dict[str, Any] = {**rule, "storageEngine": COMPRESSED} if rule else {}
        database.create_collection(due.collection, check_exists=False, **options)
    elif rule:
        try:
            database.command("collMod", due.collection, **rule)
        except OperationFailure as error:
            _raise_if_in_the_way(error)
            raise ConfigurationError(
                f"the validator of collection {due.collection} can't be set: {_reason(error)}",
                "The database user needs the role dbAdmin on this database.",
            ) from error
    for name in due.drop:
        collection.drop_index(name)
    if due.make:
        _make_indexes(collection, due.make)


def _rule(schema: Doc) -> Doc:
    return {"validator": {"$jsonSchema": schema}, "validationLevel": "strict", "validationAction": "error"}


def _make_indexes(collection: Collection[Doc], models: tuple[Doc, ...]) -> None:
    try:
        collection.create_indexes([IndexModel(**model) for model in models])  # all in one go, several times quicker
        one_by_one: tuple[Doc, ...] = ()
    except OperationFailure as error:
        _raise_if_in_the_way(error)
        one_by_one = models  # to name the one that can't be made
    for model in one_by_one:
        try:
            collection.create_indexes([IndexModel(**model)])
        except OperationFailure as error:
            _raise_if_in_the_way(error)
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
        if in_place is None or not _is_asked(dict(in_place), model):
            raise ConfigurationError(
                f"index {model['name']} of collection {collection.name} is not in force as asked: {in_place}",
                "Drop it, then run `exfolio db init` again.",
            )


def _raise_if_in_the_way(error: OperationFailure) -> None:
    if error.code in _IN_EACH_OTHERS_WAY:
        raise error


def _reason(error: OperationFailure) -> str:
    details = error.details or {}
    return str(details.get("errmsg", error))
