"""Whatever is killed, whenever: the next run finishes, and the content is that of one undisturbed run."""

import json
import multiprocessing
import os
import random
import signal
import time
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.engine.batches import Item, Outcome
from exfolio.builders.engine.execution.interruption import Interrupted
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.sources.file_stage import SourceStage
from exfolio.stores.bookkeeping.leases import LeaseLost
from exfolio.stores.connection import Connection, connect
from exfolio.stores.documents import REGISTRY
from pymatgen.core import Lattice, Structure
from toy_stages import Doubler, Judge, Linker, Summer, put_materials

KILLS = int(os.environ.get("KILLS", "15"))
BOOKKEEPING = {"_id", "rev", "run_id", "created_at", "updated_at"}


def all_stages(file: Path) -> list[Any]:
    source = SourceStage("structures", {"paths": [str(file)], "source": "toy"})
    return [source, Doubler(copies=2), Summer(), Linker(), Judge()]


def run_all(connection: Connection, file: Path) -> None:
    for stage in all_stages(file):
        run_stage(stage, connection, batch_size=7)


def content(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Everything but what says when, by which run and in which order it was written."""
    result = {}
    for document in REGISTRY:
        docs = []
        for doc in connection.database[document.collection_name()].find().sort(document.KEY, 1):
            kept = {name: value for name, value in doc.items() if name not in BOOKKEEPING}
            kept["facets"] = {name: facet["hash"] for name, facet in doc["facets"].items() if "hash" in facet}
            docs.append(kept)
        result[document.collection_name()] = docs
    return result


def structures_file(folder: Path, count: int = 90) -> Path:
    metals = ["Li", "Na", "K", "Rb", "Cs", "Ag"]
    docs = []
    for i in range(count):
        chloride = Structure(Lattice.cubic(4 + i / 1000), [metals[i % 6], "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
        docs.append({"material_id": f"m-{i}", "structure": chloride.as_dict()})
    file = folder / "structures.json"
    file.write_text(json.dumps(docs))
    return file


def empty(connection: Connection) -> None:
    for name in connection.database.list_collection_names():
        connection.database[name].delete_many({"_id": {"$ne": "schema"}} if name == "counters" else {})


@pytest.mark.endurance
@pytest.mark.timeout(600)
def test_killed_at_random_points(registry: Connection, tmp_path: Path) -> None:
    file = structures_file(tmp_path)
    run_all(registry, file)
    undisturbed = content(registry)
    assert len(undisturbed["structures"]) == 180
    empty(registry)

    chance = random.Random(20261120)
    fork = multiprocessing.get_context("fork")
    kills = finished = 0
    while kills < KILLS:
        child = fork.Process(target=run_all, args=(registry, file))
        child.start()
        child.join(timeout=chance.uniform(0.01, 0.6))
        if child.is_alive():
            os.kill(child.pid, signal.SIGKILL)
            kills += 1
        elif content(registry) == undisturbed:
            finished += 1
            empty(registry)  # all done: begin again, to be killed at other points
        child.join()
    run_all(registry, file)

    assert content(registry) == undisturbed
    assert registry.database["failures"].count_documents({}) == 0
    assert [run_stage(stage, registry).written for stage in all_stages(file)] == [0, 0, 0, 0, 0]


def test_two_runs_at_once_do_the_work_once(registry: Connection, tmp_path: Path) -> None:
    file = structures_file(tmp_path, 60)
    run_all(registry, file)
    undisturbed = content(registry)
    empty(registry)

    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=run_all, args=(registry, file)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    run_all(registry, file)

    assert content(registry) == undisturbed


def test_a_frozen_run_can_not_write_after_it_was_replaced(registry: Connection, tmp_path: Path) -> None:
    """A process that slept through its lease finds its token worn out: its transaction is refused whole."""
    file = structures_file(tmp_path, 30)
    source, doubler = all_stages(file)[:2]
    run_stage(source, registry)
    doubler.use(registry, batch_size=10)
    batches = iter(doubler.get_items())
    first = doubler.process_item(next(batches))
    registry.database["leases"].update_one(  # as if it had been silent for longer than its lease
        {"job": "stage doubler"}, {"$set": {"owner": ""}, "$unset": {"process": ""}}
    )

    run_stage(Doubler(copies=1), registry)
    before = content(registry)
    with pytest.raises(Exception, match="taken over by another run"):
        doubler.update_targets([first])

    assert content(registry) == before


def test_a_run_that_was_replaced_stops_before_it_computes_all_for_nothing(registry: Connection, tmp_path: Path) -> None:
    file = structures_file(tmp_path, 30)
    source, doubler = all_stages(file)[:2]
    run_stage(source, registry)
    impatient = registry.settings.model_copy(update={"lease_seconds": 1})
    with connect(impatient) as connection:
        doubler.use(connection, batch_size=1)
        batches = iter(doubler.get_items())
        next(batches)
        registry.database["leases"].update_one({"job": "stage doubler"}, {"$set": {"owner": "another"}})

        with pytest.raises(LeaseLost, match="taken over by another run"):
            deque((time.sleep(0.1) for _ in batches), maxlen=0)


@pytest.mark.timeout(120)
def test_interrupted_by_a_signal(registry: Connection, tmp_path: Path) -> None:
    file = structures_file(tmp_path, 60)
    run_stage(all_stages(file)[0], registry)
    fork = multiprocessing.get_context("fork")
    for doc in registry.database["materials"].find():
        registry.database["materials"].update_one({"_id": doc["_id"]}, {"$set": {"extra": {"sleep": 0.05}}})

    child = fork.Process(target=run_stage, args=(Doubler(), registry), kwargs={"batch_size": 5})
    child.start()
    while registry.database["structures"].estimated_document_count() == 0:
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGTERM)
    child.join(timeout=30)

    run = registry.database["runs"].find_one({"job": "run doubler"})
    done = registry.database["structures"].count_documents({})
    assert child.exitcode != 0
    assert run["state"] == "interrupted"
    assert 0 < done < 60
    assert done % 5 == 0
    run_stage(Doubler(), registry)
    assert registry.database["structures"].count_documents({}) == 60


class Importer(Doubler):
    """Is stopped at once in the middle of what makes another error of it, as an import does."""

    def process(self, items: list[Item]) -> list[Outcome]:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("half imported") from None
        return super().process(items)


def test_a_stop_that_a_library_makes_another_error_of_is_a_stop_and_no_failure_of_an_item(registry: Connection) -> None:
    put_materials(registry, [{"material_id": "test:1", "nsites": 1}])

    with pytest.raises(Interrupted, match="doubler stopped after 0 items"):
        run_stage(Importer(), registry)

    run = registry.database["runs"].find_one({"job": "run doubler"})
    assert run["state"] == "interrupted"
    assert registry.database["failures"].count_documents({}) == 0
