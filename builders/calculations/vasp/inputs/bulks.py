"""The bulk crystal that each layer is compared with: what it was cut from, that with other elements, or a stack of it.

Reads the registry, writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from .....stores.connection import Connection
from ....engine.batches import Doc
from .subjects import BULK, Subject


def bulks_of(connection: Connection, layers: list[Doc]) -> Iterator[tuple[Doc, Subject | str]]:
    """Bulk crystal of each layer, or why there is none."""
    database = connection.database
    parents = {layer["parent_id"] for layer in layers if layer.get("parent_id")}
    ids = sorted({layer["structure_id"] for layer in layers} | parents)
    names = {"_id": 0, "structure_id": 1, "parent_id": 1, "substitution": 1, "decoration": 1, "structure": 1}
    proposed = {doc["structure_id"]: doc for doc in database["structures"].find({"structure_id": {"$in": ids}}, names)}
    above = {doc["parent_id"] for doc in proposed.values() if doc.get("parent_id")}
    materials = _with_structure(connection, parents | above)
    for layer in layers:
        made = proposed.get(layer["structure_id"]) or {}
        parent: str | None = layer.get("parent_id")
        substitution: dict[str, str] = {}
        if layer.get("route") == "bottom-up":
            substitution = made.get("substitution") or {}
            parent = (proposed.get(parent or "") or {}).get("parent_id")
        elif layer.get("route") == "template":
            substitution = made.get("substitution") or {}
            # One whose sites of one element were shared out among several is not made by replacing elements.
            parent = None if made.get("decoration") else _bulk_of_template(connection, materials.get(parent or ""))
            materials |= _with_structure(connection, {parent} if parent else set())
        formula, known = layer["formula_reduced"], materials.get(parent or "")
        if parent is None or known is None:
            yield layer, _stacked_bulk(layer, made)
        elif any(old != new for old, new in substitution.items()):
            identity = f"{layer['structure_id']}{BULK}"
            bulk = Subject("structures", identity, "bulk", formula, material_id=parent, substitution=substitution)
            yield layer, bulk
        elif known["formula_reduced"] != formula:
            told = f"its bulk, {parent}, is {known['formula_reduced']}, of which it is one of several kinds of layers"
            yield layer, told
        else:
            yield layer, Subject("materials", parent, "bulk", formula, material_id=parent)


def _stacked_bulk(layer: Doc, made: Doc) -> Subject | str:
    """Bulk of a layer of which none is known, or why it can't be made."""
    if "structure" not in made:
        return "no bulk crystal is known that it is a layer of, and it has no structure to be stacked on itself"
    # A second of imports, for layers without a bulk.
    from .....models.structure.layered.stacking import NotStackable, stacked_on_itself
    from .....models.structure.serialization import BadStructure, from_plain

    try:
        stacked_on_itself(from_plain(made["structure"]))
    except (NotStackable, BadStructure) as error:
        return f"no bulk crystal is known that it is a layer of, and {error}"
    return Subject("structures", f"{layer['structure_id']}{BULK}", "bulk", layer["formula_reduced"])


def _bulk_of_template(connection: Connection, template: Doc | None) -> str | None:
    """The bulk that a template, a known layer, was cut from, as its source names it; None where that is not known."""
    if template is None or not template.get("parent_id"):
        return None
    if template.get("dimension_claimed", template.get("template_dimension")) == 3:
        return str(template["material_id"])
    named = template["parent_id"]
    query = {
        "$or": [{"material_id": named}, {"source_id": named}],
        "formula_reduced": template["formula_reduced"],
        "material_id": {"$ne": template["material_id"]},
        "template_dimension": {"$not": {"$lt": 3}},
        "deprecated": False,
        "structure": {"$exists": True},
    }
    found = connection.database["materials"].find(query, {"material_id": 1}).sort("material_id", 1).limit(1)
    return next((str(doc["material_id"]) for doc in found), None)


def _with_structure(connection: Connection, ids: set[str]) -> dict[str, Doc]:
    """Materials of these that have a structure."""
    names = ("material_id", "formula_reduced", "parent_id", "dimension_claimed", "template_dimension")
    found = connection.database["materials"].find(
        {"material_id": {"$in": sorted(ids)}, "deprecated": False, "structure": {"$exists": True}},
        {"_id": 0, **dict.fromkeys(names, 1)},
    )
    return {doc["material_id"]: doc for doc in found}
