"""The watch on trees of VASP results: what comes is brought in once, what is being written waits, and it stops."""

import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from exfolio.builders.calculations.watch import Watch
from exfolio.stores.bookkeeping.leases import Lease
from exfolio.stores.connection import Connection
from exfolio.stores.errors import ConfigurationError

HOUR = 3600.0


def copied(shared_data: Path, tree: Path, name: str, *, age: float = HOUR) -> Path:
    """Copy a real run into a tree, last written some seconds ago."""
    folder = tree / name
    shutil.copytree(shared_data / "vasp" / "Al_R2SCAN", folder)
    for file in folder.iterdir():
        touched(file, age)
    return folder


def touched(file: Path, age: float) -> None:
    os.utime(file, (time.time() - age, time.time() - age))


def test_a_new_folder_is_brought_in_by_the_next_look_and_only_then(
    registry: Connection, shared_data: Path, tmp_path: Path
) -> None:
    copied(shared_data, tmp_path, "first")
    watch = Watch(registry, [tmp_path], every=60)

    first = watch.look()
    nothing = watch.look()
    copied(shared_data, tmp_path, "second")
    second = watch.look()

    assert first is not None
    assert second is not None
    assert (first.inserted, nothing, second.inserted) == (1, None, 1)
    assert registry.database["calculations"].count_documents({}) == 2
    assert registry.database["runs"].count_documents({}) == 2, "a look that finds nothing leaves no run behind"


def test_what_is_being_written_waits_until_it_is_left_alone(
    registry: Connection, shared_data: Path, tmp_path: Path
) -> None:
    copied(shared_data, tmp_path, "done")
    growing = copied(shared_data, tmp_path, "growing", age=5)
    watch = Watch(registry, [tmp_path], every=60)

    watch.look()
    [early] = registry.database["calculations"].find()
    for file in growing.iterdir():
        touched(file, 61)
    watch.look()

    assert early["directory"].endswith("done")
    assert registry.database["calculations"].count_documents({}) == 2


def test_it_goes_on_until_it_is_stopped(registry: Connection, shared_data: Path, tmp_path: Path) -> None:
    copied(shared_data, tmp_path, "first")
    stop = threading.Event()
    inserted = []

    for report in Watch(registry, [tmp_path], every=0.1, stop=stop).reports():
        inserted.append(report.inserted)
        if len(inserted) == 2:
            stop.set()
        else:
            copied(shared_data, tmp_path, "second")

    assert inserted == [1, 1]


def test_another_run_of_the_stage_is_let_finish(registry: Connection, shared_data: Path, tmp_path: Path) -> None:
    copied(shared_data, tmp_path, "first")
    watch = Watch(registry, [tmp_path], every=60)

    with Lease(registry, "stage ingest:vasp", seconds=30):
        held = watch.look()
    afterwards = watch.look()

    assert held is None
    assert afterwards is not None
    assert afterwards.inserted == 1


def test_folders_that_are_not_there_are_said(registry: Connection, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no folder"):
        Watch(registry, [tmp_path / "nowhere"]).look()
    with pytest.raises(ValueError, match="above zero"):
        Watch(registry, [tmp_path], every=0)
