"""CIF and POSCAR: several structures in a file, disorder, warnings, and files that are no structures."""

import gzip
import os
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.sources.files.open_files import SourceFileError
from exfolio.builders.sources.readers import structure_files
from exfolio.builders.sources.readers.structure_files import StructureFiles
from pymatgen.core import Structure
from pymatgen.io.cif import CifWriter
from pymatgen.io.vasp.inputs import Poscar

PUBLICATION = "data_global\n_publ_section_title 'On salt'\n\n"
IRON_CIF = """data_Fe
_chemical_name_mineral Iron
_space_group_IT_number 229
_symmetry_space_group_name_H-M 'I m -3 m'
_cell_length_a 2.866(1)
_cell_length_b 2.866
_cell_length_c 2.866
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Fe1 Fe 0 0 0 OCCUPANCY
"""
IRON = IRON_CIF.replace("OCCUPANCY", "1")


def cif(structure: Structure, name: str) -> str:
    return str(CifWriter(structure)).replace(f"data_{structure.composition.reduced_formula}", f"data_{name}")


def test_a_folder_of_everything(tmp_path: Path, write: Any, read: Any, rock_salt: Structure, iron: Structure) -> None:
    write("set/salt.cif", cif(rock_salt, "salt"))
    write("set/deep/er/iron.vasp.gz", gzip.compress(Poscar(iron).get_str().encode()))
    write("set/run 1/POSCAR", Poscar(rock_salt).get_str())
    write("set/notes.txt", "no structure")
    reading = read(StructureFiles(paths=tmp_path / "set", dimension=3, reference="me"))
    assert reading.bad == []
    assert [m["material_id"] for m in reading.materials] == [
        "set:deep/er/iron.vasp",
        "set:run 1/POSCAR",
        "set:salt.cif",
    ]
    assert [m["formula_reduced"] for m in reading.materials] == ["Fe", "NaCl", "NaCl"]
    assert {(m["dimension_claimed"], m["reference"]) for m in reading.materials} == {(3, "me")}


def test_several_blocks_are_several_materials(write: Any, read: Any, rock_salt: Structure) -> None:
    content = PUBLICATION + cif(rock_salt, "I") + IRON + cif(rock_salt, "I").replace("data_I", "DATA_I")
    line = 1 + content.splitlines().index("DATA_I")
    reading = read(StructureFiles(paths=write("paper.cif", content)))
    assert reading.ids == ["paper.cif#I", "paper.cif#Fe", "paper.cif#I"]
    assert [raw.place for raw in reading.raws] == ["block data_I", "block data_Fe", f"block data_I of line {line}"]


def test_one_structure_beside_a_publication_has_the_id_of_its_file(write: Any, read: Any) -> None:
    reading = read(StructureFiles(paths=write("paper.cif", PUBLICATION + IRON)))
    assert reading.ids == ["paper.cif"]
    [material] = reading.materials
    assert material["extra"]["stated"] == {
        "space_group_number": "229",
        "space_group_symbol": "I m -3 m",
        "name": "Iron",
    }
    assert "space_group" not in material  # what a CIF states of itself is often P1, so it is kept apart


def test_a_broken_block_does_not_hide_the_next(write: Any, read: Any) -> None:
    broken = IRON.replace("data_Fe", "data_broken").replace("_cell_length_b 2.866", "_cell_length_b ?")
    reading = read(StructureFiles(paths=write("two.cif", broken + IRON)))
    assert reading.ids == ["two.cif#Fe"]
    assert reading.places == ["block data_broken"]
    assert "_cell_length_b" in reading.bad[0].reason


def test_partial_occupancy_is_flagged_and_rounded_occupancies_are_whole(write: Any, read: Any) -> None:
    [material] = read(StructureFiles(paths=write("iron.cif", IRON_CIF.replace("OCCUPANCY", "0.9")))).materials
    assert material["disordered"] is True
    rounded = IRON_CIF.replace("OCCUPANCY", "1.004")
    [material] = read(StructureFiles(paths=write("rounded.cif", rounded))).materials
    assert "disordered" not in material


def test_an_impossible_occupancy_is_refused(write: Any, read: Any) -> None:
    reading = read(StructureFiles(paths=write("iron.cif", IRON_CIF.replace("OCCUPANCY", "1.7"))))
    assert reading.materials == []
    assert "ccupancy" in reading.bad[0].reason


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.cif", "", "no block lists atoms"),
        ("paper.cif", PUBLICATION, "no block lists atoms"),
        ("wide.cif", IRON.encode("utf-16"), "it is UTF-16"),
        ("POSCAR", "Fe\n1\n3 0 0\n".encode("utf-16"), "it is UTF-16"),
        ("POSCAR", "", "ends before line 1"),
        ("POSCAR", "Fe\n1.0\nnonsense", "line 3 has to hold cell vector a"),
        ("POSCAR", b"\x00\xff\xfe" * 50, "ends before line 2"),
        ("POSCAR", "Fe\n1\n3 0 0\n0 3 0\n0 0 3\nFe\n100000000000\nDirect\n0 0 0\n", "more than 1000 atoms"),
        ("POSCAR", "unnamed\n1\n3 0 0\n0 3 0\n0 0 3\n1\nDirect\n0 0 0\n", "line 6 has to name the elements"),
        ("POSCAR", "flat\n1\n3 0 0\n0 3 0\n0 3 0\nFe\n1\nDirect\n0 0 0\n", "lie in one plane"),
        ("POSCAR", "close\n1\n3 0 0\n0 3 0\n0 0 3\nFe\n2\nDirect\n0 0 0\n0 0 0.01\n", "overlap"),
    ],
)
def test_what_is_no_structure_says_so(write: Any, read: Any, name: str, content: Any, reason: str) -> None:
    reading = read(StructureFiles(paths=write(name, content)))
    assert reading.materials == []
    [bad] = reading.bad
    assert reason in bad.reason
    assert bad.place


def test_deuterium_is_hydrogen(write: Any, read: Any) -> None:
    poscar = "LiD\n1\n0 2 2\n2 0 2\n2 2 0\nLi D\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"
    [material] = read(StructureFiles(paths=write("POSCAR", poscar))).materials
    assert material["formula_reduced"] == "LiH"
    assert material["elements"] == ["H", "Li"]


def test_a_file_of_another_name_is_known_by_content(write: Any, read: Any, iron: Structure) -> None:
    assert read(StructureFiles(paths=write("structure_1.txt", IRON))).ids == ["structure_1.txt"]
    poscar = write("structure_2.txt", Poscar(iron).get_str())
    assert read(StructureFiles(paths=poscar)).materials[0]["extra"] == {"comment": "Fe2"}


def test_files_named_by_numbers_are_read(tmp_path: Path, write: Any, read: Any, iron: Structure) -> None:
    write("set/1010001", IRON)
    write("set/1010002", Poscar(iron).get_str())
    write("set/README", "not these")
    assert read(StructureFiles(paths=tmp_path / "set")).ids == ["1010001", "1010002"]
    assert read(StructureFiles(paths=tmp_path / "set" / "1010001")).ids == ["1010001"]


def test_words_of_a_text_field_begin_no_block(write: Any, read: Any, rock_salt: Structure) -> None:
    told = IRON.replace("data_Fe\n", "data_Fe\n_refine_special_details\n;\ndata_collection was cold\n;\n")
    reading = read(StructureFiles(paths=write("two.cif", told + cif(rock_salt, "salt"))))
    assert reading.bad == []
    assert reading.ids == ["two.cif#Fe", "two.cif#salt"]


@pytest.mark.parametrize(("mark", "ending"), [(b"", b"\r"), (b"\xef\xbb\xbf", b"\n"), (b"\xef\xbb\xbf", b"\r\n")])
def test_line_ends_of_any_system_and_the_mark_of_utf_8(write: Any, read: Any, mark: bytes, ending: bytes) -> None:
    two = "# salted iron\n".join([IRON, IRON.replace("data_Fe", "data_again")])
    reading = read(StructureFiles(paths=write("two.cif", mark + two.encode().replace(b"\n", ending))))
    assert (reading.bad, reading.ids) == ([], ["two.cif#Fe", "two.cif#again"])
    poscar = "iron\n1\n3 0 0\n0 3 0\n0 0 3\nFe\n1\nDirect\n0 0 0\n"
    reading = read(StructureFiles(paths=write("POSCAR", mark + poscar.encode().replace(b"\n", ending))))
    assert (reading.bad, reading.materials[0]["extra"]["comment"]) == ([], "iron")


def test_atoms_before_the_first_heading_are_missed(write: Any, read: Any) -> None:
    reading = read(StructureFiles(paths=write("two.cif", IRON.replace("data_Fe\n", "") + IRON)))
    assert ["before the first data_ heading" in bad.reason for bad in reading.bad] == [True]
    assert reading.ids == ["two.cif#Fe"]


def test_a_block_too_large_is_passed_over(
    write: Any, read: Any, rock_salt: Structure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(structure_files, "MAX_BLOCK_BYTES", 5000)
    large = IRON + "\n".join(f"# {n}" for n in range(5000)) + "\n"
    reading = read(StructureFiles(paths=write("two.cif", large + cif(rock_salt, "salt"))))
    assert reading.ids == ["two.cif#salt"]
    assert "larger than 5000" in reading.bad[0].reason


def test_a_block_that_was_cut_is_not_taken_for_a_structure(write: Any, read: Any) -> None:
    noise = "".join(f"# {os.urandom(40).hex()}\n" for _ in range(4000))
    compressed = gzip.compress((IRON + IRON.replace("data_Fe", "data_II") + noise).encode())
    reading = read(StructureFiles(paths=write("cut.cif.gz", compressed[:-200])))
    assert reading.ids == ["cut.cif#Fe"]
    assert [bad.rest_unread for bad in reading.bad] == [True]


def test_a_file_that_can_not_be_read_does_not_stop_the_folder(tmp_path: Path, write: Any, read: Any) -> None:
    write("set/a.cif", b"PK\x03\x04" + bytes(50))
    write("set/b.vasp", gzip.compress(bytes(5 * 2**20)))
    write("set/c.cif", IRON)
    reading = read(StructureFiles(paths=tmp_path / "set"))
    assert reading.ids == ["c.cif"]
    assert [bad.rest_unread for bad in reading.bad] == [True, True]
    assert "zip archive" in reading.bad[0].reason
    assert "larger than" in reading.bad[1].reason


def test_files_that_differ_in_compression_alone_are_refused(write: Any, tmp_path: Path) -> None:
    write("set/iron.cif", IRON)
    write("set/iron.cif.gz", gzip.compress(IRON.encode()))
    with pytest.raises(SourceFileError, match="the same id"):
        StructureFiles(paths=tmp_path / "set").files()


def test_names_that_are_no_text_still_give_ids(tmp_path: Path, write: Any, read: Any) -> None:
    write("set/" + os.fsdecode(b"fer \xe9\n.cif"), IRON)
    [material] = read(StructureFiles(paths=tmp_path / "set")).materials
    assert material["source_id"] == "fer \\xe9\\n.cif"


def test_a_real_calculation_folder(read: Any, shared_data: Path) -> None:
    reading = read(StructureFiles(paths=shared_data / "vasp" / "task_directory"))
    assert reading.ids == ["CONTCAR", "POSCAR"]
    assert {m["formula_reduced"] for m in reading.materials} == {"Si"}
