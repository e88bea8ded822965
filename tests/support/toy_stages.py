"""Small stages for the tests of the engine: real collections, real MongoDB, arithmetic instead of science."""

import os
import signal
import time
from typing import Any, ClassVar

from exfolio.builders.engine.batches import Failure, Item, Outcome, Refused
from exfolio.builders.engine.selection.group_stage import GroupStage, Members
from exfolio.builders.engine.selection.map_stage import MapStage
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Candidate, Material, Property, ProposedStructure
from exfolio.stores.transactions import in_transaction
from exfolio.stores.writes.writing import FacetWriter
from exfolio.stores.writes.written import Counts


def put_materials(connection: Connection, docs: list[dict[str, Any]], run_id: str = "test") -> Counts:
    """Write materials as ingestion would: fields are defaults plus what is given."""
    writer = FacetWriter(Material, "record", "ingest:test", "f1", run_id)
    full = [
        {"source": "test", "source_id": doc["material_id"], "formula_reduced": "NaCl", "nsites": 1, **doc}
        for doc in docs
    ]
    ready = [writer.prepare(doc, [{"collection": "file", "id": "test.json"}]) for doc in full]
    return in_transaction(connection, lambda session: writer.write(connection.database, ready, session))


def retire_materials(connection: Connection, ids: list[str]) -> Counts:
    """Deprecate materials as ingestion would."""
    writer = FacetWriter(Material, "record", "ingest:test", "f1", "test")
    reasons = dict.fromkeys(ids, "no longer in source test")
    return in_transaction(connection, lambda session: writer.deprecate(connection.database, reasons, session))


class Doubler(MapStage):
    """Makes `copies` structures of each material, with twice its number of sites; behaves badly where told to.

    A material's `extra` may say ``fail`` (raise), ``refuse`` (bad input), ``nan``, ``die`` (kill the process),
    ``sleep`` (seconds), ``spin`` (for ever) or ``grow`` (by so many bytes).
    """

    name = "doubler"
    source = Material
    facets = ("record",)
    fields = ("nsites", "extra")
    writes: ClassVar = {ProposedStructure: "proposal"}

    def __init__(self, copies: int = 1, factor: int = 2, share: dict[str, Any] | None = None) -> None:
        self.copies = copies
        self.factor = factor
        super().__init__(share=share)

    def arguments(self) -> dict[str, Any]:
        return {"copies": self.copies, "factor": self.factor}

    def process(self, items: list[Item]) -> list[Outcome]:
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> Outcome:
        told = item.content.get("extra", {})
        if told.get("die"):
            os.kill(os.getpid(), signal.SIGKILL)
        if told.get("fail"):
            raise ValueError(f"told to fail: {told['fail']}")
        if told.get("refuse"):
            return Refused("materials", item.key, "told to refuse", "do not tell it")
        if told.get("never"):
            return Failure("told to give a failure")
        time.sleep(told.get("sleep", 0))
        while told.get("spin"):
            pass
        bytearray(told.get("grow", 0))
        sites = float("nan") if told.get("nan") else item.content["nsites"] * self.factor
        return {
            "structures": [
                {
                    "structure_id": f"st-{item.key}-{copy}",
                    "route": "toy",
                    "parent_id": item.key,
                    **({"thickness": sites} if told.get("nan") else {"nsites": sites}),
                }
                for copy in range(self.copies)
            ]
        }


class Looker(MapStage):
    """Adds what it has looked up once to the sites of each material, as a model does that is found before the run."""

    name = "looker"
    source = Material
    facets = ("record",)
    fields = ("nsites",)
    writes: ClassVar = {ProposedStructure: "proposal"}

    def __init__(self, model: int | None = None, share: dict[str, Any] | None = None) -> None:
        self.model = model
        super().__init__(share=share)

    def arguments(self) -> dict[str, Any]:
        return {"model": self.model}

    def before_run(self) -> None:
        if self.model is None:
            self.model = self.db.database["materials"].count_documents({})

    def read_lookup(self) -> dict[str, int]:
        return {doc["material_id"]: doc["nsites"] for doc in self.db.database["materials"].find()}

    def process(self, items: list[Item]) -> list[Outcome]:
        assert self.model is not None
        return [
            {
                "structures": [
                    {
                        "structure_id": f"st-{item.key}",
                        "route": "toy",
                        "parent_id": item.key,
                        "nsites": item.content["nsites"] + self.lookup[item.key] + self.model,
                    }
                ]
            }
            for item in items
        ]


class Summer(GroupStage):
    """Adds up the sites of all materials of one formula, as one property per formula."""

    name = "summer"
    members = (Members(Material, "formula_reduced", ("record",), ("nsites",)),)
    groups_per_batch = 2
    writes: ClassVar = {Property: "value"}

    def process(self, items: list[Item]) -> list[Outcome]:
        return [
            {
                "properties": [
                    {
                        "property_id": f"{item.key}/sum/toy",
                        "structure_id": item.key,
                        "kind": "sum",
                        "method": "toy",
                        "unit": "1",
                        "value": float(sum(doc["nsites"] for doc in item.content["materials"])),
                    }
                ]
            }
            for item in items
        ]


class Linker(GroupStage):
    """Links materials of one formula with each other, in a facet of its own of the same collection."""

    name = "linker"
    members = (Members(Material, "formula_reduced", ("record",), ("nsites",)),)
    writes: ClassVar = {Material: "links"}

    def process(self, items: list[Item]) -> list[Outcome]:
        results: list[Outcome] = []
        for item in items:
            ids = [doc["material_id"] for doc in item.content["materials"]]
            results.append(
                {
                    "materials": [
                        {"material_id": one, "same_as": [other for other in ids if other != one]} for one in ids
                    ]
                }
            )
        return results


class Judge(GroupStage):
    """Judges structures by their properties, looking at two collections."""

    name = "toy-judge"
    members = (
        Members(ProposedStructure, "structure_id", ("proposal",), ("nsites",)),
        Members(Property, "structure_id", ("value",), ("value",)),
    )
    writes: ClassVar = {Candidate: "verdict"}

    def process(self, items: list[Item]) -> list[Outcome]:
        results: list[Outcome] = []
        for item in items:
            if not item.content["structures"]:
                results.append({})
                continue
            values = [doc["value"] for doc in item.content["properties"]]
            candidate = {
                "candidate_id": f"toy/{item.key}",
                "campaign": "toy",
                "structure_id": item.key,
                "status": "promoted" if values else "waiting",
                "formation_energy": values[0] if values else None,
            }
            results.append({"candidates": [candidate]})
        return results
