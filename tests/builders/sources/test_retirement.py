"""What a source no longer has is retired, whatever is killed in between, and never by accident."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.sources import file_stage, retirement
from exfolio.builders.sources.read_files import ReadFiles
from exfolio.builders.sources.retirement import PendingRetirements, SourceShrank
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from known_crystals import keys, one, revisions
from lab_source import Crash, crash, records, write
from lab_source import pull as pull_in_batches


def pull(registry: Connection, *paths: Path, **given: Any) -> StageReport:
    return pull_in_batches(registry, *paths, batch_size=15, **given)


@pytest.fixture
def files(registry: Connection, tmp_path: Path) -> tuple[Path, Path]:
    """Two files of 20 records each, brought in."""
    a, b = write(tmp_path / "a.jsonl", records(20)), write(tmp_path / "b.jsonl", records(20, first=20))
    pull(registry, a, b)
    return a, b


def retired(registry: Connection) -> list[str]:
    return keys(registry, "materials", deprecated=True)


POINTS = {
    "losses noted": (PendingRetirements, "note"),
    "file read": (ReadFiles, "note"),
    "share believed": (retirement, "check_loss"),
    "some retired": (PendingRetirements, "_retire"),
    "what is left counted": (retirement, "note_had"),
}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("point", POINTS)
def test_killed_between_the_last_batch_and_the_end_the_next_run_retires(
    registry: Connection, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, point: str, after: bool
) -> None:
    a, b = files
    write(a, records(19))
    owner, name = POINTS[point]
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, crash(getattr(owner, name), after=after))
        with pytest.raises(Crash):
            pull(registry, a, b)

    pull(registry, a, b)

    assert retired(registry) == ["lab:m-19"]
    assert one(registry, "stage_states")["had"] == {"materials": 39, "reference_entries": 0}
    assert registry.database["pending_retirements"].count_documents({}) == 0
    assert pull(registry, a, b).due == 0


def test_a_source_that_flaps_while_it_is_killed_ends_as_its_files_say(
    registry: Connection, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = files
    for content, (owner, name) in zip([19, 20, 18, 20, 19], POINTS.values(), strict=True):
        write(a, records(content))
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, crash(getattr(owner, name), after=True))
            try:
                pull(registry, a, b)
            except Crash:
                continue

    pull(registry, a, b)

    assert retired(registry) == ["lab:m-19"]


def test_a_bad_record_of_an_unchanged_file_holds_nothing_up(registry: Connection, tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.jsonl", records(20)), write(tmp_path / "b.jsonl", [*records(20, first=20), "{not json"])
    pull(registry, a, b)

    assert pull(registry, write(a, records(19)), b).deprecated == 1


def test_what_waits_for_a_bad_record_is_retired_once_that_is_mended(
    registry: Connection, files: tuple[Path, Path]
) -> None:
    a, b = files
    write(a, records(19))
    write(b, [*records(20, first=20), "{not json"])
    for _ in range(2):
        report = pull(registry, a, b)
        assert report.deprecated == 0
        assert f"nothing was retired of 1 records that are no longer met, because bad records in {b}" in report.note

    report = pull(registry, a, write(b, records(20, first=20)))

    assert (report.deprecated, retired(registry)) == (1, ["lab:m-19"])


def test_what_waits_and_turns_up_in_the_mended_record_stays(registry: Connection, files: tuple[Path, Path]) -> None:
    a, b = files
    write(a, records(19))
    pull(registry, a, write(b, [*records(20, first=20), "{not json"]))

    pull(registry, a, write(b, [*records(20, first=20), *records(1, first=19)]))

    assert retired(registry) == []
    assert registry.database["pending_retirements"].count_documents({}) == 0


def test_a_loss_is_measured_by_what_the_source_had(registry: Connection, tmp_path: Path) -> None:
    file = write(tmp_path / "lab.jsonl", records(20))
    pull(registry, file)

    write(file, records(240, first=100))
    for _ in range(2):
        with pytest.raises(SourceShrank, match=r"20 of its 20 records in materials \(lab:m-0, lab:m-1, .* 15 more\)"):
            pull(registry, file)

    report = pull(registry, file, accept_loss=True)
    assert (report.due, report.deprecated) == (0, 20), "it was read already"
    assert one(registry, "stage_states")["had"]["materials"] == 240


def test_a_second_file_under_the_name_of_the_first_is_asked_about(
    registry: Connection, files: tuple[Path, Path], tmp_path: Path
) -> None:
    other = write(tmp_path / "other.jsonl", records(60, first=200))

    with pytest.raises(SourceShrank, match="40 of its 40 records") as caught:
        pull(registry, other)

    assert "b.jsonl, read as lab before, is not among the paths" in caught.value.remedy
    assert "--source" in caught.value.remedy
    assert pull(registry, *files, other).deprecated == 0, "named too, they are what they were"


def test_a_file_that_was_moved_changes_nothing(registry: Connection, files: tuple[Path, Path], tmp_path: Path) -> None:
    before = revisions(registry)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    moved = [Path(shutil.move(file, folder / file.name)) for file in files]

    report = pull(registry, *moved)

    assert (report.written, report.unchanged, revisions(registry)) == (0, 40, before)
    assert one(registry, "materials", material_id="lab:m-0")["origins"][0]["id"] == str(moved[0])
    assert registry.database["source_files"].distinct("path") == sorted(map(str, moved))
    assert pull(registry, *moved).due == 0


def test_a_change_that_keeps_size_and_time_is_noticed(registry: Connection, files: tuple[Path, Path]) -> None:
    a, b = files
    stat = a.stat()
    a.write_text(a.read_text().replace("5.003", "5.503"))
    os.utime(a, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (a.stat().st_size, a.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)

    assert pull(registry, a, b).updated == 1
    assert pull(registry, a, b, reread=True).unchanged == 40


def test_what_was_lost_while_only_a_part_was_read_is_retired_later(
    registry: Connection, files: tuple[Path, Path]
) -> None:
    a, b = files
    write(a, records(19))

    assert pull(registry, a, b, complete=False).deprecated == 0
    assert pull(registry, a, b).deprecated == 1


def test_the_rest_of_a_first_reading_that_was_cut_and_then_changed_is_retired(
    registry: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "lab.jsonl", records(40))
    with monkeypatch.context() as patched:
        patched.setattr(file_stage.SourceStage, "close", crash(file_stage.SourceStage.close, after=False))
        with pytest.raises(Crash):
            pull(registry, file)

    pull(registry, write(file, records(39)))

    assert retired(registry) == ["lab:m-39"]
