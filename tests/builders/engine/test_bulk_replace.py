"""Many changes at once leave the same documents as each change by itself."""

from typing import Any

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.stores.connection import Connection
from exfolio.stores.writes import bulk_replace
from toy_stages import Doubler, Linker, put_materials, retire_materials

COUNT = bulk_replace.MANY + 20
WHEN = {"_id", "created_at", "updated_at"}


def change_all(connection: Connection) -> list[dict[str, Any]]:
    """Materials with a second facet, then others in all their fields; gives what is stored, and how they were found."""
    formulas = ["NaCl", "KCl"]
    docs = [{"material_id": f"test:{i}", "formula_reduced": formulas[i % 2]} for i in range(COUNT)]
    put_materials(connection, [{**doc, "band_gap": 1.0, "reference": "first"} for doc in docs])
    run_stage(Linker(), connection)
    retire_materials(connection, ["test:7"])
    before = {doc["material_id"]: doc for doc in connection.database["materials"].find()}

    counts = put_materials(connection, [{**doc, "band_gap": 2.0, "source_version": "2"} for doc in docs])

    assert counts.updated == COUNT
    after = list(connection.database["materials"].find().sort("material_id", 1))
    assert [doc["_id"] for doc in after] == [before[doc["material_id"]]["_id"] for doc in after]
    assert [doc["created_at"] for doc in after] == [before[doc["material_id"]]["created_at"] for doc in after]
    for doc in after:
        for note in doc["facets"].values():
            note.pop("at", None)
            note.pop("by", None)
        for earlier in doc["history"]:
            earlier.pop("replaced_at")
    return [{name: value for name, value in doc.items() if name not in WHEN | {"run_id"}} for doc in after]


def test_the_same_documents(registry: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = change_all(registry)
    for name in ("materials", "counters", "stage_states"):
        registry.database[name].delete_many({"_id": {"$ne": "schema"}})
    monkeypatch.setattr(bulk_replace, "_AT_ONCE", 50)
    monkeypatch.setattr(bulk_replace, "_MOST_BYTES", 1)  # the first fifty, then no more: a transaction has its limits
    some_at_once = change_all(registry)
    for name in ("materials", "counters", "stage_states"):
        registry.database[name].delete_many({"_id": {"$ne": "schema"}})
    monkeypatch.setattr(bulk_replace, "MANY", COUNT + 1)
    one_by_one = change_all(registry)

    assert at_once == some_at_once == one_by_one
    assert len(at_once[0]["same_as"]) == COUNT // 2 - 1
    assert "reference" not in at_once[0]
    assert at_once[0]["history"][0]["values"] == {"band_gap": 1.0}


def test_all_of_a_batch_change_again(registry: Connection) -> None:
    put_materials(registry, [{"material_id": f"test:{i}", "nsites": i + 1} for i in range(COUNT)])
    run_stage(Doubler(factor=2), registry)

    report = run_stage(Doubler(factor=3), registry)

    assert (report.due, report.updated) == (COUNT, COUNT)
    assert sorted(doc["nsites"] for doc in registry.database["structures"].find()) == [
        3 * (i + 1) for i in range(COUNT)
    ]
    assert run_stage(Doubler(factor=3), registry).due == 0
