"""Two records of one id: the first counts, the later one is set apart and names it, however far apart they are."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.sources.file_stage import SourceStage
from exfolio.builders.sources.repeated_records import MetIds
from exfolio.stores.connection import Connection
from known_crystals import keys, one, revisions
from lab_source import Crash, crash_after, pull, records, write


def salt(number: int, gap: float) -> dict[str, Any]:
    [record] = records(1, first=number)
    return {**record, "band_gap": gap}  # type: ignore[dict-item]


def gap(registry: Connection, number: int) -> float:
    return float(one(registry, "materials", material_id=f"lab:m-{number}")["band_gap"])


@pytest.mark.parametrize("apart", [1, 3, 9])  # batches are of 4
def test_the_later_of_two_records_is_quarantined_and_names_the_first(
    registry: Connection, tmp_path: Path, apart: int
) -> None:
    content = records(12)
    content.insert(2 + apart, salt(2, 8.5))
    file = write(tmp_path / "lab.jsonl", content)

    report = pull(registry, file)

    assert (report.inserted, report.quarantined, gap(registry, 2)) == (12, 1, 5.002)
    complaint = one(registry, "quarantine")
    assert (complaint["file"], complaint["place"], complaint["key"]) == (str(file), f"line {3 + apart}", "lab:m-2")
    assert "lab:m-2 is the id of line 3 too" in complaint["reason"]

    before = revisions(registry)
    again = pull(registry, write(file, [*content, *records(1, first=12)]))

    assert (again.inserted, again.updated, again.quarantined) == (1, 0, 1), "it does not flap"
    assert revisions(registry)["materials"] == before["materials"] + 1
    assert "history" not in one(registry, "materials", material_id="lab:m-2")


CAESIUM_CHLORIDE = """data_{name}
_space_group_name_H-M_alt 'P 1'
_cell_length_a 4.12
_cell_length_b 4.12
_cell_length_c 4.12
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Cs 0 0 0
{anion} 0.5 0.5 0.5
"""


def test_blocks_of_one_name_are_two_records_of_one_id(registry: Connection, tmp_path: Path) -> None:
    def block(name: str, anion: str) -> str:
        return CAESIUM_CHLORIDE.format(name=name, anion=anion)

    file = tmp_path / "lab.cif"
    file.write_text(block("I", "Cl") + block("I", "Br") + block("II", "Cl"))

    report = pull(registry, file, kind="structure-files")

    assert (keys(registry, "materials"), report.quarantined) == (["lab:lab.cif#I", "lab:lab.cif#II"], 1)
    assert one(registry, "materials", material_id="lab:lab.cif#I")["formula_reduced"] == "CsCl"
    complaint = one(registry, "quarantine")
    assert complaint["place"] == "block data_I of line 16"
    assert complaint["reason"] == "lab:lab.cif#I is the id of block data_I too, which says something else"

    before = revisions(registry)
    file.write_text(block("I", "Cl") + block("III", "Br") + block("II", "Cl"))
    report = pull(registry, file, kind="structure-files")

    assert (report.inserted, report.updated, report.deprecated) == (1, 0, 0), "a name of its own mends it"
    assert revisions(registry)["materials"] == before["materials"] + 1
    assert registry.database["quarantine"].count_documents({}) == 0


def test_the_first_is_named_where_it_stands_now(registry: Connection, tmp_path: Path) -> None:
    file = write(tmp_path / "lab.jsonl", records(6))
    pull(registry, file)

    pull(registry, write(file, [*records(1, first=20), *records(6), salt(2, 8.5)]))

    assert "the id of line 4 too" in one(registry, "quarantine")["reason"]
    assert one(registry, "materials", material_id="lab:m-2")["origins"][0]["place"] == "line 4"


def test_what_two_files_say_alike_is_one_document_that_lives_as_long_as_one_of_them_has_it(
    registry: Connection, tmp_path: Path
) -> None:
    a, b = write(tmp_path / "a.jsonl", records(30)), write(tmp_path / "b.jsonl", records(30, first=28))

    report = pull(registry, a, b)

    assert (report.inserted, report.unchanged, report.quarantined) == (58, 2, 0)
    assert report.note == "2 records say what another one of the same id says, and count once"
    before = revisions(registry)
    assert pull(registry, a, b, reread=True).written == 0
    assert revisions(registry) == before

    assert pull(registry, write(a, records(28)), b).written == 0
    assert one(registry, "materials", material_id="lab:m-28")["origins"][0]["id"] == str(b)
    assert keys(registry, "materials", deprecated=True) == []


def test_of_two_files_the_one_that_had_the_id_keeps_it(registry: Connection, tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.jsonl", records(12)), write(tmp_path / "b.jsonl", records(12, first=12))
    pull(registry, a, b)

    report = pull(registry, write(a, [*records(12), salt(15, 8.5)]), b)

    assert (report.quarantined, gap(registry, 15)) == (1, 5.015)
    assert f"the id of line 4 of {b} too" in one(registry, "quarantine")["reason"]

    report = pull(registry, a, write(b, [*records(3, first=12), *records(8, first=16)]))

    assert (report.updated, report.deprecated, gap(registry, 15)) == (1, 0, 8.5), "the other one has the id now"
    assert registry.database["quarantine"].count_documents({}) == 0


def test_a_repeat_that_comes_after_a_cut_is_found(registry: Connection, tmp_path: Path) -> None:
    file = write(tmp_path / "lab.jsonl", [*records(18), salt(1, 8.5)])
    stage = SourceStage("structures", {"paths": [file], "source": "lab"})
    with pytest.raises(Crash):
        run_stage(stage, registry, batch_size=4, progress=crash_after(2))

    report = pull(registry, file)

    assert 0 < report.inserted < 18
    assert (report.quarantined, gap(registry, 1)) == (1, 5.001)


def test_ids_are_known_by_hashes_of_which_many_fit_into_memory() -> None:
    met = MetIds()
    for start in range(0, 10_000, 700):
        met.add([f"m-{i}" for i in range(start, start + 700)])

    assert met.among(["m-0", "m-9999", "n-0", "m-99999"]).tolist() == [True, True, False, False]
    assert sum(len(known) for known in met._sorted) == 10_500
    assert len(met._sorted) <= 5


def test_files_of_one_chemistry_may_share_their_elements(
    registry: Connection, tmp_path: Path, shared_data: Path
) -> None:
    """Files of the entries of two chemical systems both hold the 20 forms of oxygen, the same ones."""
    paths = []
    for system in ("Fe-Li-O-P", "Mn-O"):
        entries = json.loads(gzip.decompress((shared_data / f"mp_entries_{system}.json.gz").read_bytes()))
        oxygen = [entry for entry in entries if entry["composition"].keys() == {"O"}]
        paths.append(tmp_path / f"{system}.json")
        paths[-1].write_text(json.dumps([*entries[:3], *oxygen]))

    report = pull(registry, *paths, kind="entries", batch_size=50)

    assert registry.database["reference_entries"].count_documents({}) == 3 + 3 + 20
    assert (report.quarantined, report.failed) == (0, 0)
    assert pull(registry, *paths, kind="entries", reread=True).written == 0
