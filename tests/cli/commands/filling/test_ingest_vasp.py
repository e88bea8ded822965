"""``exfolio ingest vasp``: what a person is told about a tree of results."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import small_registry
from exfolio.stores.connection import Connection

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tree(tmp_path: Path, shared_data: Path) -> Path:
    """One good folder, one cut short, one link."""
    for name in ("Al_R2SCAN", "truncated"):
        shutil.copytree(shared_data / "vasp" / name, tmp_path / "runs" / name)
    (tmp_path / "runs" / "circle").symlink_to(tmp_path)
    return tmp_path / "runs"


@pytest.fixture
def fresh(asked: Connection) -> Iterator[Connection]:
    small_registry.empty(asked)
    yield asked
    small_registry.empty(asked)


def test_a_tree_is_brought_in_and_what_is_wrong_is_told(fresh: Connection, ask: Ask, tree: Path) -> None:
    code, printed, said = ask("ingest", "vasp", str(tree), "-n", "1")

    assert (code, printed) == (1, "")
    assert "VASP: 1 new, 2 in quarantine" in said
    assert "exfolio query quarantine 'stage = \"ingest:vasp\"'" in said
    assert "nothing to do" in ask("ingest", "--kind", "vasp", str(tree), "-n", "1")[2]


def test_a_dry_run_writes_nothing(fresh: Connection, ask_json: Callable[..., Any], tree: Path) -> None:
    answer = ask_json("ingest", "vasp", str(tree), "--dry-run", code=1)

    assert [Path(place).name for place in answer["calculations"]] == ["Al_R2SCAN", "truncated"]
    assert ["symbolic link" in one["reason"] for one in answer["quarantine"]] == [True]
    assert fresh.database["calculations"].count_documents({}) == 0


def test_a_folder_has_to_be_named(ask: Ask, tmp_path: Path) -> None:
    assert ask("ingest", "vasp")[0] == 2
    code, _, said = ask("ingest", "vasp", str(tmp_path / "nowhere"))

    assert code == 2
    assert "no folder" in said


def test_a_watch_tells_of_what_comes_and_stops_on_a_signal(fresh: Connection, ask: Ask, tree: Path) -> None:
    def stop_when_done() -> None:
        deadline = time.monotonic() + 120
        ended = {"state": {"$in": ["succeeded", "partial"]}}
        while fresh.database["runs"].count_documents(ended) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=stop_when_done)
    watcher.start()
    code, _, said = ask("ingest", "vasp", str(tree), "--watch", "--every", "0.1", "--refresh", "-n", "1")
    watcher.join()

    assert code == 0
    lines = said.splitlines()
    assert lines[0].startswith("Watching ")
    assert "1 new, 2 in quarantine" in lines[1]
    assert "matches: 1 changed" in " ".join(lines[2:])
    assert lines[-1] == "Stopped."
    assert fresh.database["calculations"].count_documents({}) == 1


def test_a_watch_is_for_vasp_results_and_writes_text(ask: Ask, tree: Path) -> None:
    assert ask("ingest", "--kind", "handbook", "--watch")[0] == 2
    assert ask("ingest", "vasp", str(tree), "--watch", "--json")[0] == 2
