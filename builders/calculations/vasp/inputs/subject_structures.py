"""Structures of what is to be calculated, with the calculations there are of each, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from .....models.calculation.methods import Level, parse_method
from .....stores.connection import Connection
from ....engine.batches import Doc
from .attempts import attempts_of
from .subjects import Subject

if TYPE_CHECKING:
    from .due import Due

T = TypeVar("T")
BATCH: Final = 500


def with_structures(connection: Connection, due: Due) -> Iterator[Subject]:
    """Load the structure of each subject, in order, and the calculations there are of it.

    Subjects whose document has no structure any more are left out: the next refresh deals with their candidates.
    """
    for batch in batches(sorted(due.subjects.values(), key=lambda subject: (subject.role, subject.id))):
        materials = {subject.material_id for subject in batch if subject.material_id}
        proposed = {subject.stacked_of or subject.id for subject in batch if subject.material_id is None}
        structures = _structures(connection, "structures", "structure_id", proposed)
        if missing := proposed - structures.keys():  # a candidate carries its own structure as well
            structures |= _structures(connection, "candidates", "structure_id", missing)
        bulks = _structures(connection, "materials", "material_id", materials)
        stacks = _stacks(connection, {subject.stacked_of for subject in batch if subject.stacked_of})
        together = [*batch, *(subject.bulk for subject in batch if subject.bulk)]
        attempts = attempts_of(connection, together)
        for subject in batch:
            own = subject.stacked_of or subject.id
            plain = structures.get(own) if subject.material_id is None else bulks.get(subject.material_id)
            if plain is None:
                continue
            subject.structure = subject.built(plain, stacks.get(subject.stacked_of or ""))
            for one in filter(None, (subject, subject.bulk)):
                one.attempts = attempts.get(one.id, {})
            yield subject
            subject.structure, subject.attempts = {}, {}


def batches(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """Items in lists of so many; the last may be shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _structures(connection: Connection, collection: str, key: str, ids: Iterable[str]) -> dict[str, Doc]:
    documents = connection.database[collection].find(
        {key: {"$in": sorted(ids)}, "structure": {"$exists": True}}, {"_id": 0, key: 1, "structure": 1}
    )
    return {doc[key]: doc["structure"] for doc in documents}


def _stacks(connection: Connection, layers: set[str]) -> dict[str, Doc]:
    """Stacks of layers with themselves that potentials with dispersion found, relaxed ones before others."""
    query = {
        "structure_id": {"$in": sorted(layers)},
        "kind": "energy_over_bulk",
        "structure": {"$exists": True},
        "deprecated": False,
    }
    fields = {"_id": 0, "structure_id": 1, "method": 1, "structure": 1}
    found = sorted(connection.database["properties"].find(query, fields), key=lambda doc: doc["method"], reverse=True)
    found.sort(key=lambda doc: Level.RELAXED_POTENTIAL in parse_method(doc["method"]).levels)
    return {doc["structure_id"]: doc for doc in found}  # of several the last: the potential whose name comes first
