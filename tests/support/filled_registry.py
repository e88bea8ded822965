"""Puts documents into a registry as the stages before would, for tests of the stages after."""

from typing import Any

from exfolio.stores.connection import Connection
from exfolio.stores.documents import Calculation, Material, Property, ProposedStructure, ReferenceEntry
from exfolio.stores.documents.base import RegistryDocument
from exfolio.stores.transactions import in_transaction
from exfolio.stores.writes.writing import FacetWriter
from exfolio.stores.writes.written import Counts

Doc = dict[str, Any]


def put(connection: Connection, document: type[RegistryDocument], docs: list[Doc], facet: str | None = None) -> Counts:
    """Write documents into a collection's creating facet, or the one given."""
    writer = FacetWriter(document, facet or document.creating_facet(), "test", "f1", "test")
    ready = [writer.prepare(doc, [{"collection": "file", "id": "test"}]) for doc in docs]
    return in_transaction(connection, lambda session: writer.write(connection.database, ready, session))


def retire(connection: Connection, document: type[RegistryDocument], ids: list[str]) -> Counts:
    """Deprecate documents."""
    writer = FacetWriter(document, document.creating_facet(), "test", "f1", "test")
    reasons = dict.fromkeys(ids, "no longer in source test")
    return in_transaction(connection, lambda session: writer.deprecate(connection.database, reasons, session))


def chemsys(formula: Doc | list[str]) -> str:
    """Name the chemical system of some elements."""
    return "-".join(sorted(formula))


def put_entries(
    connection: Connection,
    entries: list[tuple[str, Doc, str, float]],
    *,
    scheme: str | None = "MaterialsProject2020Compatibility",
    functional: str = "GGA",
) -> Counts:
    """Write reference entries (id, composition, reduced formula, eV/atom), as a scheme has corrected them."""
    return put(
        connection,
        ReferenceEntry,
        [
            {
                "entry_id": f"test:{name}",
                "source": "test",
                "composition": {el: float(n) for el, n in composition.items()},
                "formula_reduced": reduced,
                "chemsys": chemsys(composition),
                "energy": energy * sum(composition.values()),
                "energy_per_atom": energy,
                "scheme": scheme,
                "functional": functional,
            }
            for name, composition, reduced, energy in entries
        ],
    )


def put_structures(connection: Connection, docs: list[Doc]) -> Counts:
    """Write proposed structures."""
    return put(connection, ProposedStructure, [{"route": "template", "rank": 1, **doc} for doc in docs])


def put_materials(connection: Connection, docs: list[Doc]) -> Counts:
    """Write known materials."""
    return put(connection, Material, [{"source": "test", "source_id": doc["material_id"], **doc} for doc in docs])


def put_calculations(connection: Connection, docs: list[Doc], structure_ids: list[str | None]) -> None:
    """Write calculations and the structures they belong to."""
    put(connection, Calculation, docs)
    matches = [
        {"calculation_id": doc["calculation_id"], "structure_id": one}
        for doc, one in zip(docs, structure_ids, strict=True)
    ]
    put(connection, Calculation, matches, "match")


def properties(connection: Connection, kind: str) -> dict[tuple[str, str], Doc]:
    """Give the current properties of a kind, by structure and method."""
    found = connection.database["properties"].find({"kind": kind, "deprecated": False})
    return {(doc["structure_id"], doc["method"]): doc for doc in found}


def put_properties(connection: Connection, docs: list[Doc]) -> Counts:
    """Write properties."""
    full = [
        {"property_id": f"{doc['structure_id']}/{doc['kind']}/{doc['method']}", "unit": "eV/atom", **doc}
        for doc in docs
    ]
    return put(connection, Property, full)
