"""A job is run on the stages that its name stands for; a backup on all there is."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from exfolio.builders.schedule.job_runner import JobRunner
from exfolio.builders.schedule.jobs import Job, jobs_of
from exfolio.builders.schedule.stopping import StopRequest
from exfolio.stores.backup.backup import MANIFEST, describe, verify
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Material
from exfolio.stores.errors import ConfigurationError
from exfolio.stores.settings_tables.schedule import ScheduleSettings
from filled_registry import put
from pydantic import SecretStr


def test_a_source_that_is_pulled_in_parts_is_named_as_a_whole_or_by_part(registry: Connection) -> None:
    for chemsys in ("Mn-O", "Fe-O"):
        registry.database["stage_states"].insert_one(
            {
                "stage": f"ingest:mp:{chemsys}",
                "maker": {
                    "arguments": {"kind": "materials-project", "options": {"chemsys": [chemsys], "source": "mp"}}
                },
            }
        )
    connection = scheduled(registry, ScheduleSettings(sources={"mp": "@yearly"}))
    runner = JobRunner(connection, processes=1, stop=StopRequest())

    assert [stage.name for stage in runner.stages_of_source("mp")] == ["ingest:mp:Fe-O", "ingest:mp:Mn-O"]
    assert [stage.name for stage in runner.stages_of_source("mp:Mn-O")] == ["ingest:mp:Mn-O"]
    with pytest.raises(ConfigurationError, match="there are: mp:Fe-O, mp:Mn-O"):
        runner.stages_of_source("m")
    assert runner.stages_with_a_line() == {"ingest:mp", "ingest:mp:Mn-O", "ingest:mp:Fe-O"}
    connection.close()


def test_a_scheduled_backup_is_proven_whole_before_older_ones_go(registry: Connection, tmp_path: Path) -> None:
    # Given a registry of one material, a backup a day of which two are kept, sealed
    put(registry, Material, [{"material_id": "m", "formula_reduced": "MgO", "source": "s", "source_id": "1"}])
    (tmp_path / "passphrase").write_text("correct horse\n")
    folder = tmp_path / "backups"
    for day in ("20261101", "20261102", "20261103"):
        (folder / f"{registry.name}-{day}T050000Z").mkdir(parents=True)
        (folder / f"{registry.name}-{day}T050000Z" / MANIFEST).touch()
    backup = {"cron": "0 5 * * *", "folder": folder, "keep": 2, "passphrase_file": tmp_path / "passphrase"}
    connection = scheduled(registry, ScheduleSettings(backup=backup))
    [job] = jobs_of(connection.settings.schedule)

    # When its time has come
    ending = JobRunner(connection, processes=1, stop=StopRequest()).run(job)

    # Then it is there, can be read with the passphrase alone, and the oldest went
    assert (job.name, ending.state, ending.error) == ("backup", "succeeded", None)
    *older, made = sorted(folder.iterdir())
    assert [path.name.partition("-")[2] for path in older] == ["20261103T050000Z"]
    assert describe(made).documents["materials"] == 1
    assert verify(made, passphrase=SecretStr("correct horse")) == []
    connection.close()


def test_a_backup_that_has_no_room_fails_and_takes_nothing_away(
    registry: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = tmp_path / f"{registry.name}-20261101T050000Z"
    older.mkdir()
    put(registry, Material, [{"material_id": "m", "formula_reduced": "MgO", "source": "s", "source_id": "1"}])
    connection = scheduled(registry, ScheduleSettings(backup={"cron": "@daily", "folder": tmp_path, "keep": 1}))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=100))

    ending = JobRunner(connection, processes=1, stop=StopRequest()).run(Job("backup", "", "@daily"))

    assert ending.state == "failed"
    assert "0 MB free" in (ending.error or "")
    assert list(tmp_path.iterdir()) == [older]
    connection.close()


def scheduled(registry: Connection, schedule: ScheduleSettings) -> Connection:
    settings = registry.settings.model_copy(update={"schedule": schedule})
    return Connection(settings, registry.name, registry.origin, registry.uri)
