"""Work units as files: out, computed without a database, and back, each result once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contents import current, differences, empty
from exfolio.builders.engine.batches import Failure
from exfolio.builders.engine.execution import worker_side
from exfolio.builders.engine.execution.interruption import Interrupted
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.engine.limits import Limits
from exfolio.builders.engine.stage import Stage
from exfolio.builders.engine.work.computing import compute
from exfolio.builders.engine.work.exporting import due_elsewhere, export
from exfolio.builders.engine.work.folder import Damaged, WorkFolder
from exfolio.builders.engine.work.importing import bring_in
from exfolio.stores import connection as connections
from exfolio.stores.connection import Connection
from exfolio.stores.errors import ConfigurationError
from toy_stages import Doubler, Judge, Looker, Summer, put_materials


def materials(count: int) -> list[dict[str, Any]]:
    return [{"material_id": f"test:{i:02}", "nsites": i + 1, "formula_reduced": "ABCD"[i % 4]} for i in range(count)]


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Compute a folder where nobody can reach a database."""

    def run(folder: WorkFolder, **options: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(connections, "MongoClient", None)
            return compute(folder, **({"processes": 1} | options))

    return run


@pytest.mark.parametrize("make", [lambda: Doubler(copies=2), Looker, Summer], ids=["map", "lookup", "group"])
def test_there_and_back_is_as_computed_here(
    registry: Connection, tmp_path: Path, far_away: Callable[..., Any], make: Callable[[], Stage]
) -> None:
    put_materials(registry, materials(11))
    put_materials(registry, [{"material_id": "test:04", "extra": {"fail": "now"}, "formula_reduced": "A"}])
    run_stage(make(), registry, batch_size=4)
    here = current(registry)
    failed = registry.database["failures"].count_documents({})
    empty(registry)
    put_materials(registry, materials(11))
    put_materials(registry, [{"material_id": "test:04", "extra": {"fail": "now"}, "formula_reduced": "A"}])
    folder = WorkFolder(tmp_path / "work")

    exported = export(make(), registry, folder.path, batch_size=4)
    computed = far_away(folder)
    first = bring_in(make(), registry, folder)
    second = bring_in(make(), registry, folder)

    assert exported.items == computed.items == first.taken > 0
    assert differences(here, current(registry)) == []
    assert registry.database["failures"].count_documents({}) == failed
    assert (second.taken, second.report.written) == (0, 0)
    assert run_stage(make(), registry).due == 0
    assert far_away(folder).there == exported.units


def test_parts_that_come_one_after_the_other(
    registry: Connection, tmp_path: Path, far_away: Callable[..., Any]
) -> None:
    put_materials(registry, materials(10))
    folder = WorkFolder(tmp_path / "work")
    export(Doubler(), registry, folder.path, batch_size=4)

    far_away(folder, part=(2, 2))
    first = bring_in(Doubler(), registry, folder)
    far_away(folder, part=(1, 2))
    put_materials(registry, [{"material_id": "test:00", "nsites": 100}])  # has changed since it went out
    second = bring_in(Doubler(), registry, folder)

    assert (first.taken, first.left, first.without) == (4, 6, [0, 2])
    assert registry.database["runs"].find_one({"job": "run doubler"})["state"] == "partial"
    assert second.taken + second.left == 6
    assert second.left > 0
    run_stage(Doubler(), registry)
    sites = {doc["parent_id"]: doc["nsites"] for doc in registry.database["structures"].find()}
    assert sites == {doc["material_id"]: 2 * doc["nsites"] for doc in registry.database["materials"].find()}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut, flip, lambda path: path.write_bytes(b"{}")], ids=["cut", "flipped", "other"])
@pytest.mark.parametrize("which", ["stage.pickle.zst", "units/00001.pickle.zst", "results/00001.json.zst"])
def test_a_damaged_file_is_named_and_refused(
    registry: Connection, tmp_path: Path, far_away: Callable[..., Any], which: str, damage: Callable[[Path], None]
) -> None:
    put_materials(registry, materials(10))
    folder = WorkFolder(tmp_path / "work")
    export(Doubler(), registry, folder.path, batch_size=4)
    if not which.startswith("results"):
        damage(folder.path / which)
    if which.startswith("stage"):
        with pytest.raises(Damaged, match=which):
            far_away(folder)
        return
    computed = far_away(folder)
    if which.startswith("results"):
        damage(folder.path / which)

    imported = bring_in(Doubler(), registry, folder)

    refused = imported.refused if which.startswith("results") else computed.refused
    assert list(refused) == [1]
    assert which in refused[1]
    assert (imported.taken, imported.left) == (6, 4)


def test_what_is_not_the_same_here_and_there_is_refused(
    registry: Connection, tmp_path: Path, far_away: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_materials(registry, materials(10))
    folder = WorkFolder(tmp_path / "work")
    export(Doubler(), registry, folder.path)
    ours = worker_side.versions()

    with monkeypatch.context() as patch:
        patch.setattr(worker_side, "versions", lambda: {**ours, "exfolio": "0.0.9"})
        with pytest.raises(ConfigurationError, match=f"this is exfolio 0.0.9 instead of {ours['exfolio']}"):
            far_away(folder)
    with pytest.raises(ConfigurationError, match="other settings of doubler"):
        bring_in(Doubler(factor=3), registry, folder)
    with pytest.raises(ConfigurationError, match="is not empty"):
        export(Doubler(), registry, folder.path)
    manifest = folder.path / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 99}))
    with pytest.raises(Damaged, match="of another version of exfolio, or damaged"):
        far_away(WorkFolder(folder.path))


@pytest.mark.parametrize(
    "wrong", [{"units": [{"unit": "../../x", "sha256": ""}]}, {"versions": [1]}, {"batch_size": None}, {"stage": 1}]
)
def test_a_manifest_of_another_form_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    whole = {"format": 1, "stage": "s", "work": "w", "fingerprint": "f", "batch_size": 1, "versions": {"Python": "3"}}
    manifest = whole | {"stage_sha256": "", "units": [{"unit": 0, "sha256": ""}]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert WorkFolder(tmp_path).units == [0]

    (tmp_path / "manifest.json").write_text(json.dumps(manifest | wrong))
    with pytest.raises(Damaged, match="damaged"):
        assert WorkFolder(tmp_path).units


@pytest.mark.parametrize(
    "foreign", [{"materials": [{"material_id": "x"}]}, {"structures": [{"nsites": 1}]}, {"structures": ["x"]}]
)
def test_results_that_the_stage_could_not_have_made_are_refused(
    registry: Connection, tmp_path: Path, foreign: dict[str, Any]
) -> None:
    put_materials(registry, materials(1))
    folder = WorkFolder(tmp_path / "work")
    export(Doubler(), registry, folder.path)
    folder.put_result(0, folder.items(0), [foreign], worker_side.versions())

    imported = bring_in(Doubler(), registry, folder)

    assert "does not write" in imported.refused[0]
    assert (imported.taken, registry.database["structures"].count_documents({})) == (0, 0)


def test_an_export_that_did_not_come_to_its_end_is_in_nobodys_way(
    registry: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_materials(registry, materials(8))
    folder = WorkFolder(tmp_path / "work")
    with monkeypatch.context() as patch:
        patch.setattr(WorkFolder, "finish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            export(Doubler(), registry, folder.path)
        assert not folder.path.exists()
        patch.setattr(WorkFolder, "discard", lambda _: None)  # as where it is killed
        with pytest.raises(ZeroDivisionError):
            export(Doubler(), registry, folder.path)

    assert export(Doubler(), registry, folder.path).items == 8

    with pytest.raises(ConfigurationError, match="is not empty"):
        export(Doubler(), registry, folder.path)
    assert folder.payload(), "a finished one is left alone"
    with pytest.raises(Damaged) as refused:
        _ = WorkFolder(tmp_path).manifest
    assert str(folder.path) in refused.value.remedy, "the folder of a campaign has one for each stage"


def test_a_stop_that_comes_once_all_is_written_leaves_the_work_whole(
    registry: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_materials(registry, materials(8))
    folder = WorkFolder(tmp_path / "work")
    finish = WorkFolder.finish

    def stopped(self: WorkFolder, manifest: dict[str, Any]) -> None:
        finish(self, manifest)
        raise Interrupted("stopped")

    monkeypatch.setattr(WorkFolder, "finish", stopped)
    with pytest.raises(Interrupted):
        export(Doubler(), registry, folder.path)

    assert compute(folder, processes=1).items == 8


def test_what_a_kill_left_half_written_is_in_nobodys_way(registry: Connection, tmp_path: Path) -> None:
    put_materials(registry, materials(8))
    folder = WorkFolder(tmp_path / "work")
    folder.begin()
    (folder.path / ".manifest.json.0a1b").write_text("{")
    (folder.path / ".stage.pickle.zst.0a1b").write_text("")

    assert export(Doubler(), registry, folder.path).items == 8


def test_items_have_the_limits_of_the_machine_that_computes_them(
    registry: Connection, tmp_path: Path, far_away: Callable[..., Any]
) -> None:
    put_materials(registry, [{"material_id": "test:0", "extra": {"grow": 1 << 40}}, {"material_id": "test:1"}])
    folder = WorkFolder(tmp_path / "work")
    export(Doubler(), registry, folder.path)

    far_away(folder, processes=2, limits=Limits(60, memory=3 * 10**9))

    outcomes = dict(folder.result(0, worker_side.versions()))
    told = [outcome.reason for outcome in outcomes.values() if isinstance(outcome, Failure)]
    assert told == ["it took more memory than a worker may have, 3.0 GB (the setting worker_memory_gb)"]


def test_no_folder_is_made_where_nothing_is_due(registry: Connection, tmp_path: Path) -> None:
    assert export(Doubler(), registry, tmp_path / "work").units == 0
    assert not (tmp_path / "work").exists()


class Trainer(Looker):
    """Has a model of all materials before it yields an item."""

    name = "trainer"
    works_while_selecting = True


def test_what_can_go_out_is_due_waits_for_no_other_and_is_no_training(registry: Connection) -> None:
    put_materials(registry, materials(3))
    stages: list[Callable[[], Stage]] = [Trainer, Doubler, Summer, Judge]

    first = due_elsewhere([make() for make in stages], registry)
    run_stage(Doubler(), registry)
    run_stage(Trainer(), registry)
    second = due_elsewhere([make() for make in stages], registry)
    run_stage(Summer(), registry)
    third = due_elsewhere([make() for make in stages], registry)

    assert [stage.name for stage in first] == ["doubler", "summer"]
    assert [stage.name for stage in second] == ["summer"]
    assert [stage.name for stage in third] == ["toy-judge"]


def test_training_is_not_written_as_work(registry: Connection, tmp_path: Path) -> None:
    put_materials(registry, materials(3))

    with pytest.raises(ConfigurationError, match="trainer cannot be computed in parts"):
        export(Trainer(), registry, tmp_path / "work")

    assert not (tmp_path / "work").exists()
