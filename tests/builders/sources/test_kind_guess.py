"""Guesses of what a file is are right, or say why not."""

import json
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.sources.files.open_files import SourceFileError
from exfolio.builders.sources.kind_guess import VASP, UnclearKind, guess_kind
from pymatgen.core import Structure
from pymatgen.io.vasp.inputs import Poscar


def test_guesses_by_content(write: Any, tmp_path: Path, rock_salt: Structure) -> None:
    entry = {"composition": {"Na": 1}, "energy": -1.0}
    monolayer = {"material_id": "2dm-1", "structure": rock_salt.as_dict(), "discovery_process": "top-down"}
    contents = {
        "structures": [rock_salt.as_dict(), {"columns": ["structure"], "data": [[rock_salt.as_dict()]]}],
        "entries": [[entry], {"NaCl": entry}, {**entry, "structure": rock_salt.as_dict()}],
        "2dmatpedia": [json.dumps(monolayer) + "\n" + json.dumps(monolayer)],
        "structure-files": [rock_salt.to(fmt="cif"), Poscar(rock_salt).get_str()],
        "table": ["formula,gap\nMgO,1\n", "Material;gap\nMgO;1\n", "formula\nMgO\n"],
    }
    for kind, files in contents.items():
        for content in files:
            assert guess_kind(write("unnamed", content)) == kind


@pytest.mark.parametrize("content", ["some words\nand more\n", b"\x89PNG\x00\x01", [{"name": "no structure"}], "[]"])
def test_what_is_of_no_kind_says_so(write: Any, content: Any) -> None:
    with pytest.raises(SourceFileError, match=r"unnamed' is of no known kind; there are: 2dmatpedia"):
        guess_kind(write("unnamed", content))


def test_a_file_without_content_is_empty_and_not_of_an_unknown_kind(write: Any) -> None:
    with pytest.raises(SourceFileError, match="is empty") as caught:
        guess_kind(write("t.csv", " \n"))
    assert not isinstance(caught.value, UnclearKind)


def test_a_name_of_crystals_is_believed(write: Any) -> None:
    assert guess_kind(write("page.cif", "<html>not found</html>")) == "structure-files"
    assert guess_kind(write("poscar", "no cell, no atoms")) == "structure-files"


def test_what_might_be_two_things_says_so(write: Any, tmp_path: Path, rock_salt: Structure) -> None:
    mixed = [rock_salt.as_dict(), {"composition": {"Na": 1}, "energy": -1.0}]
    with pytest.raises(SourceFileError, match="might be entries or structures; say which"):
        guess_kind(write("mixed.json", mixed))
    write("folder/t.csv", "formula\nMgO\n")
    assert guess_kind(tmp_path / "folder") == "table"
    write("folder/POSCAR", Poscar(rock_salt).get_str())
    with pytest.raises(SourceFileError, match="might be structure-files or table"):
        guess_kind(tmp_path / "folder")


@pytest.mark.parametrize("name", ["vasprun.xml", "vasprun.xml.gz", "MoS2_vasprun.xml"])
def test_poscars_beside_results_of_vasp_are_no_known_materials(
    write: Any, tmp_path: Path, rock_salt: Structure, name: str
) -> None:
    write("run/POSCAR", Poscar(rock_salt).get_str())
    write(f"run/relax/{name}", "<modeling/>")

    assert guess_kind(tmp_path / "run") == VASP


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("2dmatpedia_records.jsonl.gz", "2dmatpedia"),
        ("2dmatpedia_formulas.csv.gz", "table"),
        ("matbench_mp_gap.csv.gz", "table"),
        ("v2db_predictions.csv.gz", "v2db"),
        ("matbench_phonons_structures.json.gz", "structures"),
        ("mp_entries_Fe-Li-O-P.json.gz", "entries"),
        ("mp_calc_compounds.json.gz", "entries"),
        ("vasp", VASP),
    ],
)
def test_real_files(shared_data: Path, name: str, kind: str) -> None:
    assert guess_kind(shared_data / name) == kind
