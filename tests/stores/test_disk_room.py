"""Whether there is room for a job is said before it begins, with figures."""

from dataclasses import replace
from pathlib import Path

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.refresh import refresh
from exfolio.builders.releases.create import create_release
from exfolio.builders.sources.file_stage import SourceStage
from exfolio.stores.backup.backup import back_up
from exfolio.stores.connection import Connection
from exfolio.stores.disk_room import require_room, require_room_in_database
from exfolio.stores.errors import CannotRunError

PETABYTE = 10**15


def test_a_folder_yet_to_be_made_has_the_room_of_the_one_it_will_lie_in(tmp_path: Path) -> None:
    require_room("a backup", 1, tmp_path / "new" / "folder")
    with pytest.raises(CannotRunError, match=r"a backup takes about 1,000,000,000 MB, and .*folder has [\d,]+ MB free"):
        require_room("a backup", PETABYTE, tmp_path / "new" / "folder")


def test_what_a_job_adds_and_what_has_to_stay_free_count(registry: Connection) -> None:
    require_room_in_database(registry, "a refresh", 1)
    with pytest.raises(CannotRunError, match=r"adds about 1,000,000,000 MB, and .* MB free") as refused:
        require_room_in_database(registry, "a refresh", PETABYTE)
    assert refused.value.exit_code == 3


def test_no_job_begins_without_room(registry: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "table.csv"
    table.write_text("formula,Ef\nMgO,-3\n")
    source = SourceStage("table", {"paths": [str(table)], "source": "mine"})
    settings = registry.settings.model_copy(update={"minimum_free_mb": 10**9})
    run_stage(source.fresh(), registry)
    written = registry.database["runs"].count_documents({})
    with replace(registry, settings=settings) as full:
        for begin in (lambda: run_stage(source, full), lambda: refresh(full)):
            with pytest.raises(CannotRunError, match="have to stay free"):
                begin()
    assert registry.database["runs"].count_documents({}) == written

    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 0}))
    with pytest.raises(CannotRunError, match="a backup takes about"):
        back_up(registry, tmp_path / "backups")
    with pytest.raises(CannotRunError, match="a release takes about"):
        create_release(registry, tmp_path)
    assert list(tmp_path.iterdir()) == [table]
