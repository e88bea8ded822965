"""Sources from files: read once, changes written alone, bad records kept apart, nothing retired by accident."""

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.sources.file_stage import SourceMissing, SourceStage
from exfolio.builders.sources.records.raw_record import BadRecord, RawRecord
from exfolio.builders.sources.retirement import SourceShrank
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from exfolio.stores.errors import ConfigurationError
from known_crystals import keys, one, revisions
from lab_source import Crash, Records, crash_after, pull, records, write


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lab.jsonl"


def test_the_first_pull_writes_every_record_with_where_it_comes_from(registry: Connection, file: Path) -> None:
    report = pull(registry, write(file, records(10)), source_version="2026.1")

    assert (report.due, report.inserted, report.quarantined) == (10, 10, 0)
    third = one(registry, "materials", material_id="lab:m-2")
    assert (third["source"], third["source_id"], third["source_version"]) == ("lab", "m-2", "2026.1")
    assert (third["formula_reduced"], third["band_gap"]) == ("NaCl", 5.002)
    [origin] = third["origins"]
    assert (origin["collection"], origin["id"], origin["place"]) == ("file", str(file), "line 3")
    made_by = third["facets"]["record"]["stage"]
    assert (made_by, third["run_id"]) == ("ingest:lab", one(registry, "runs")["run_id"])
    known = one(registry, "source_files")
    assert (known["path"], known["records"], known["complete"], known["bad"]) == (str(file), 10, True, 0)


def test_an_unchanged_file_is_not_read_again(registry: Connection, file: Path) -> None:
    pull(registry, write(file, records(6)))
    before = revisions(registry)

    assert pull(registry, file).due == 0

    os.utime(file, (1, 1))  # copied anew: another time, the same content
    assert pull(registry, file).due == 0
    assert revisions(registry) == before


def test_a_changed_record_is_one_write(registry: Connection, file: Path) -> None:
    content = records(10)
    pull(registry, write(file, content))
    before = revisions(registry)["materials"]

    content[6] = {**content[6], "band_gap": 8.5}  # type: ignore[dict-item]
    report = pull(registry, write(file, [*content, *records(1, first=10)]))

    assert (report.due, report.inserted, report.updated, report.unchanged) == (11, 1, 1, 9)
    assert revisions(registry)["materials"] == before + 2
    assert one(registry, "materials", material_id="lab:m-6")["band_gap"] == 8.5


def test_records_in_another_order_are_the_same(registry: Connection, file: Path) -> None:
    pull(registry, write(file, records(6)))

    report = pull(registry, write(file, records(6)[::-1]))

    assert (report.due, report.written) == (6, 0)


def test_bad_records_are_kept_apart_with_file_place_and_reason(registry: Connection, file: Path) -> None:
    content = records(6)
    content[1] = "{not json"
    content[4] = {"material_id": "m-4", "structure": {"lattice": {}, "sites": [{}]}}

    report = pull(registry, write(file, content))

    assert (report.inserted, report.quarantined, report.failed) == (4, 2, 0)
    complaints = {doc["place"]: doc for doc in registry.database["quarantine"].find()}
    assert set(complaints) == {"line 2", "line 5"}
    assert {doc["file"] for doc in complaints.values()} == {str(file)}
    assert all(doc["reason"] and doc["stage"] == "ingest:lab" for doc in complaints.values())


def test_complaints_go_when_the_records_are_mended_or_removed(registry: Connection, file: Path) -> None:
    bad: Records = [*records(5), "{not json", "nor this"]
    pull(registry, write(file, bad))
    assert registry.database["quarantine"].count_documents({}) == 2

    report = pull(registry, write(file, records(6)))  # one is mended, the other one taken out

    assert (report.inserted, report.quarantined) == (1, 0)
    assert registry.database["quarantine"].count_documents({}) == 0


def test_a_record_that_turns_bad_keeps_its_good_value(registry: Connection, file: Path) -> None:
    pull(registry, write(file, records(6)))

    report = pull(registry, write(file, [*records(5), "{not json"]))

    assert (report.quarantined, report.deprecated) == (1, 0)
    assert "nothing was retired" in report.note
    assert not one(registry, "materials", material_id="lab:m-5")["deprecated"]


def test_a_compressed_file_that_is_cut_off_gives_what_is_readable(registry: Connection, tmp_path: Path) -> None:
    whole = gzip.compress(write(tmp_path / "all", records(40)).read_bytes())
    packed = tmp_path / "lab.jsonl.gz"
    packed.write_bytes(whole)
    pull(registry, packed)

    packed.write_bytes(whole[: len(whole) // 2])
    report = pull(registry, packed)

    assert 0 < report.due < 40
    assert report.deprecated == 0, "what could not be read may still be there"
    complaint = one(registry, "quarantine")
    assert complaint["file"] == str(packed)

    packed.write_bytes(whole)
    report = pull(registry, packed)
    assert (report.written, report.quarantined) == (0, 0)
    assert registry.database["quarantine"].count_documents({}) == 0


def test_an_empty_file_is_an_error_and_retires_nothing(registry: Connection, file: Path) -> None:
    pull(registry, write(file, records(6)))

    with pytest.raises((SourceShrank, SourceMissing)):
        pull(registry, write(file, []))
    with pytest.raises((SourceShrank, SourceMissing)):
        pull(registry, file)  # nor is it forgotten when it is looked at again

    assert keys(registry, "materials", deprecated=True) == []


def test_a_file_that_is_no_source_at_all_is_an_error_of_usage(registry: Connection, tmp_path: Path) -> None:
    file = tmp_path / "lab.json"
    file.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")

    with pytest.raises(ConfigurationError, match=r"lab\.json"):
        pull(registry, file)


def test_one_unreadable_file_does_not_keep_the_others_out(registry: Connection, tmp_path: Path) -> None:
    write(tmp_path / "a.json", records(2))
    (tmp_path / "b.json").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    write(tmp_path / "c.json", records(2, first=2))

    report = pull(registry, tmp_path)

    assert (report.inserted, report.quarantined) == (4, 1)
    assert one(registry, "quarantine")["file"] == str(tmp_path / "b.json")
    (tmp_path / "b.json").unlink()
    pull(registry, tmp_path)
    assert registry.database["quarantine"].count_documents({}) == 0


def test_a_file_that_can_not_be_read_is_not_to_be_put_back(registry: Connection, file: Path) -> None:
    pull(registry, write(file, records(6)))
    file.write_text("no records")

    with pytest.raises(SourceMissing) as caught:
        pull(registry, file)

    assert caught.value.remedy == "Nothing was retired. Mend the file, or say otherwise how to read it."


def test_a_file_that_is_gone_is_said_and_retires_nothing(registry: Connection, file: Path) -> None:
    pull(registry, write(file, records(6)))
    file.unlink()

    with pytest.raises(SourceMissing, match=r"(?s)lab\.jsonl.*Nothing was retired"):
        pull(registry, file)

    assert keys(registry, "materials", deprecated=True) == []


def test_a_large_loss_stops_the_pull_until_it_is_accepted(registry: Connection, file: Path) -> None:
    pull(registry, write(file, records(20)))
    write(file, records(17))  # 15 %, and the settings believe 10 %

    for _ in range(2):
        with pytest.raises(SourceShrank, match="no longer has 3 of its 20 records") as caught:
            pull(registry, file)
        assert "--accept-loss" in caught.value.remedy
        assert caught.value.exit_code == 3
        assert keys(registry, "materials", deprecated=True) == []
        assert registry.database["runs"].find_one(sort=[("started_at", -1)])["state"] == "failed"  # type: ignore[index]

    report = pull(registry, file, accept_loss=True, source_version="2026.2")

    assert report.deprecated == 3
    assert keys(registry, "materials", deprecated=True) == ["lab:m-17", "lab:m-18", "lab:m-19"]
    gone = one(registry, "materials", material_id="lab:m-17")
    assert gone["deprecation_reasons"] == ["no longer in source lab, version 2026.2"]


def test_a_small_loss_is_believed_and_an_id_that_comes_back_lives_again(registry: Connection, file: Path) -> None:
    pull(registry, write(file, records(20)))

    assert pull(registry, write(file, records(19))).deprecated == 1
    assert keys(registry, "materials", deprecated=True) == ["lab:m-19"]

    report = pull(registry, write(file, records(20)))
    assert (report.updated, report.unchanged) == (1, 19)
    back = one(registry, "materials", material_id="lab:m-19")
    assert not back["deprecated"]
    assert "deprecation_reasons" not in back


def test_a_part_of_a_source_retires_nothing(registry: Connection, file: Path) -> None:
    pull(registry, write(file, records(20)), complete=False)

    report = pull(registry, write(file, records(2)), complete=False)

    assert (report.deprecated, report.note) == (0, "")


def test_two_files_are_one_source(registry: Connection, tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.jsonl", records(10)), write(tmp_path / "b.jsonl", records(10, first=10))
    assert pull(registry, a, b).inserted == 20

    report = pull(registry, a, write(b, records(9, first=10)))

    assert (report.due, report.unchanged, report.deprecated) == (9, 9, 1)
    assert keys(registry, "materials", deprecated=True) == ["lab:m-19"]


def test_a_record_that_moves_from_one_file_to_the_other_stays(registry: Connection, tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.jsonl", records(10)), write(tmp_path / "b.jsonl", records(10, first=10))
    pull(registry, a, b)

    write(a, records(11))
    report = pull(registry, a, write(b, records(9, first=11)))

    assert report.deprecated == 0
    assert one(registry, "materials", material_id="lab:m-10")["origins"][0]["id"] == str(a)


def cif(a: float) -> str:
    """Rock salt with the given cell."""
    return (
        "data_NaCl\n_symmetry_space_group_name_H-M 'P 1'\n"
        + "".join(f"_cell_length_{axis} {a}\n" for axis in "abc")
        + "".join(f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma"))
        + "loop_\n_atom_site_label\n_atom_site_type_symbol\n"
        + "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
        + "Cs1 Cs 0 0 0\nCl1 Cl 0.5 0.5 0.5\n"
    )


def test_of_a_folder_only_the_file_that_changed_is_read(registry: Connection, tmp_path: Path) -> None:
    for i in range(12):
        (tmp_path / f"{i:02}.cif").write_text(cif(4.1 + i / 100))
    assert pull(registry, tmp_path, kind="structure-files").inserted == 12

    (tmp_path / "03.cif").write_text(cif(4.5))
    report = pull(registry, tmp_path, kind="structure-files")
    assert (report.due, report.updated) == (1, 1)

    (tmp_path / "05.cif").unlink()
    report = pull(registry, tmp_path, kind="structure-files")
    assert (report.due, report.deprecated) == (0, 1)
    assert registry.database["source_files"].count_documents({}) == 11


def test_a_pull_that_was_cut_off_goes_on_where_it_stopped(registry: Connection, file: Path) -> None:
    write(file, [*records(9), "{not json", *records(9, first=9)])
    options = {"paths": [file], "source": "lab"}

    with pytest.raises(Crash):
        run_stage(SourceStage("structures", options), registry, batch_size=4, progress=crash_after(3))
    done = registry.database["materials"].count_documents({})
    assert 0 < done < 18  # batches under way may still be written

    report = pull(registry, file)
    assert (report.inserted, report.unchanged) == (18 - done, 0)
    assert one(registry, "quarantine")["place"] == "line 10"
    assert pull(registry, file).due == 0


def test_a_second_pull_that_was_cut_off_still_retires_what_is_gone(registry: Connection, file: Path) -> None:
    pull(registry, write(file, records(20)))
    write(file, records(19))

    stage = SourceStage("structures", {"paths": [file], "source": "lab"})
    with pytest.raises(Crash):
        run_stage(stage, registry, batch_size=4, progress=crash_after(2))
    pull(registry, file)

    assert keys(registry, "materials", deprecated=True) == ["lab:m-19"]


def test_a_source_stays_of_one_kind(registry: Connection, file: Path, tmp_path: Path) -> None:
    pull(registry, write(file, records(6)))
    (tmp_path / "one.cif").write_text(cif(4.12))

    for _ in range(2):
        with pytest.raises(ConfigurationError, match="source lab was read as structures, not as structure-files"):
            pull(registry, tmp_path / "one.cif", kind="structure-files")

    assert pull(registry, file).due == 0, "it goes on as it was"
    assert keys(registry, "materials", deprecated=True) == []


class Counted:
    """A reader that counts the records it was asked for."""

    def __init__(self, reader: Any) -> None:
        self.reader = reader
        self.given = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reader, name)

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        for record in self.reader.records(path):
            self.given += 1
            yield record


def test_no_more_than_a_few_batches_are_held_in_memory(registry: Connection, file: Path) -> None:
    write(file, records(40))
    stage = SourceStage("structures", {"paths": [file], "source": "lab"})
    stage.reader = counted = Counted(stage.reader)  # type: ignore[assignment]
    ahead = []

    def look(_: object, report: StageReport) -> None:
        ahead.append(counted.given - report.inserted)

    run_stage(stage, registry, batch_size=4, progress=look)

    assert counted.given == 40
    assert max(ahead) <= 12  # what is written, and what is read meanwhile
