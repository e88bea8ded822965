"""No job begins where the disk has no room for it."""

from dataclasses import replace
from pathlib import Path

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.refresh import refresh
from exfolio.builders.releases.create import create_release
from exfolio.builders.sources.file_stage import SourceStage
from exfolio.stores.backup.backup import back_up
from exfolio.stores.connection import Connection
from exfolio.stores.errors import CannotRunError


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
