"""VASP results in the registry: once each, again when changed, and bad ones apart."""

import gzip
import os
import pickle
import shutil
from pathlib import Path

import pytest
from exfolio.builders.calculations.vasp_results_stage import VaspStage
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.stores.bookkeeping.overview import overview
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from exfolio.stores.errors import ConfigurationError


@pytest.fixture
def tree(tmp_path: Path, shared_data: Path) -> Path:
    """Make a tree of two good Al folders, told apart by a comment, and one that is cut short."""
    text = gzip.decompress((shared_data / "vasp" / "Al_R2SCAN" / "vasprun.xml.gz").read_bytes())
    root = tmp_path / "tree"
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        (root / name / "vasprun.xml").write_bytes(text + f"<!-- {name} -->".encode())
    shutil.copytree(shared_data / "vasp" / "truncated", root / "cut")
    return root


def ingest(registry: Connection, root: Path) -> StageReport:
    return run_stage(VaspStage([root]), registry)


def by_folder(registry: Connection) -> dict[str, dict[str, object]]:
    return {Path(doc["directory"]).name: doc for doc in registry.database["calculations"].find()}


def test_good_ones_are_stored_bad_ones_kept_apart_and_a_second_run_reads_nothing(
    registry: Connection, tree: Path
) -> None:
    first = ingest(registry, tree)
    second = ingest(registry, tree)

    assert (first.inserted, first.quarantined, first.failed) == (2, 1, 0)
    assert (second.due, second.written) == (0, 0)
    complaint = registry.database["quarantine"].find_one()
    assert complaint["file"] == str(tree / "cut")
    assert "ends too early" in complaint["reason"]


def test_only_a_folder_that_changed_is_read_again(registry: Connection, tree: Path) -> None:
    ingest(registry, tree)
    before = by_folder(registry)
    (tree / "a" / "exfolio.json").write_text('{"structure_id": "st-1"}')
    (tree / "b" / "vasprun.xml").touch()
    shutil.copy(tree / "b" / "vasprun.xml", tree / "cut" / "whole.xml")
    shutil.rmtree(tree / "cut")

    report = ingest(registry, tree)
    after = by_folder(registry)

    assert (report.inserted, report.updated) == (0, 1)
    assert after["a"]["manifest"] == {"structure_id": "st-1"}
    assert after["a"]["calculation_id"] == before["a"]["calculation_id"]
    assert after["b"]["rev"] == before["b"]["rev"]
    assert ingest(registry, tree).due == 0


def test_status_calls_due_only_what_changed(registry: Connection, tree: Path) -> None:
    ingest(registry, tree)
    assert [row for row in overview(registry)["due"] if row["stage"] == "ingest:vasp"] == []

    (tree / "b" / "vasprun.xml").touch()

    [due] = [row for row in overview(registry)["due"] if row["stage"] == "ingest:vasp"]
    assert (due["items"], due["unit"]) == (1, "files")


def test_a_mended_folder_leaves_quarantine(registry: Connection, tree: Path) -> None:
    ingest(registry, tree)
    (tree / "cut" / "vasprun.xml.gz").write_bytes((tree / "a" / "vasprun.xml").read_bytes() + b"<!-- c -->")

    report = ingest(registry, tree)

    assert report.inserted == 1
    assert registry.database["quarantine"].count_documents({}) == 0


def test_a_folder_that_breaks_keeps_its_result(registry: Connection, tree: Path) -> None:
    ingest(registry, tree)
    (tree / "a" / "vasprun.xml").write_bytes(b"<modeling>")

    report = ingest(registry, tree)

    assert (report.quarantined, report.deprecated) == (1, 0)
    assert by_folder(registry)["a"]["deprecated"] is False


def test_a_folder_that_moves_keeps_its_identity_and_a_copy_has_its_own(registry: Connection, tree: Path) -> None:
    ingest(registry, tree)
    before = by_folder(registry)
    (tree / "a").rename(tree / "moved")
    shutil.copytree(tree / "b", tree / "copy")

    ingest(registry, tree)
    after = by_folder(registry)

    assert after.keys() == {"moved", "b", "copy"}
    assert after["moved"]["calculation_id"] == before["a"]["calculation_id"]
    assert after["copy"]["calculation_id"] != before["b"]["calculation_id"]

    (tree / "a").mkdir()
    shutil.copy(tree / "b" / "vasprun.xml", tree / "a" / "vasprun.xml")
    ingest(registry, tree)

    assert by_folder(registry).keys() == {"a", "moved", "b", "copy"}


def test_what_vanishes_stays_and_links_that_go_are_forgotten(registry: Connection, tree: Path) -> None:
    (tree / "circle").symlink_to(tree)
    ingest(registry, tree)
    shutil.rmtree(tree / "a")
    (tree / "circle").unlink()

    report = ingest(registry, tree)

    assert (report.due, report.deprecated) == (0, 0)
    assert by_folder(registry).keys() == {"a", "b"}
    assert [doc["place"] for doc in registry.database["quarantine"].find()] == ["vasprun.xml"]


def test_stage_and_batches_travel_to_worker_processes(registry: Connection, tree: Path) -> None:
    stage = VaspStage([tree])
    stage.use(registry)
    (batch,) = stage.get_items()

    sent_stage, sent_batch = pickle.loads(pickle.dumps((stage, batch)))
    result = pickle.loads(pickle.dumps(sent_stage.process_item(sent_batch)))
    stage.update_targets([result])
    stage.finalize()

    assert (stage.report.inserted, stage.report.quarantined) == (2, 1)


def test_earlier_folders_are_remembered_for_a_refresh(registry: Connection, tree: Path) -> None:
    run_stage(VaspStage([tree / "a"]), registry)
    run_stage(VaspStage([tree / "b"]), registry)

    state = registry.database["stage_states"].find_one({"stage": "ingest:vasp"})

    assert state["maker"]["arguments"]["directories"] == [str(tree / "a"), str(tree / "b")]


def test_a_folder_that_is_not_there_is_named(registry: Connection, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no folder"):
        run_stage(VaspStage([tmp_path / "nowhere"]), registry)


def test_hostile_folders_are_refused_with_their_reason_and_the_batch_goes_on(registry: Connection, tree: Path) -> None:
    text = (tree / "a" / "vasprun.xml").read_bytes()
    head, rest = text.split(b"\n", 1)
    hostile = {
        "entity bomb\n": head + b'\n<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>\n' + rest,
        "external Å": head + b'\n<!DOCTYPE m [<!ENTITY a SYSTEM "file:///etc/hostname">]>\n' + rest,
        "gzip bomb": gzip.compress(b"<modeling>" + b" " * (80 << 20)),
        "no energy": text.replace(b"-3.74198121", b"        NaN"),
        "sparse": b"<modeling>",
    }
    for name, content in hostile.items():
        (tree / name).mkdir()
        (tree / name / "vasprun.xml").write_bytes(content)
    os.truncate(tree / "sparse" / "vasprun.xml", 10 * 2**30)
    (tree / "circle").symlink_to(tree)
    (tree / "a" / "custodian.json").write_text('[{"@module": "os", "@class": "system", "command": "false"}]')

    report = ingest(registry, tree)

    assert (report.inserted, report.failed) == (2, 0)
    reasons = {Path(doc["file"]).name: doc["reason"] for doc in registry.database["quarantine"].find()}
    assert reasons.keys() == {*hostile, "circle", "cut"}
    assert "declares a document type or entities" in reasons["external Å"]
    assert "expands" in reasons["gzip bomb"]
    assert "10,737,418,240 bytes" in reasons["sparse"]
    assert ingest(registry, tree).due == 0
