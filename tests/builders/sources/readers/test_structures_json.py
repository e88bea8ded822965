"""Structures in JSON: bare, in documents, in tables of pandas; ids where the file has none; disorder; bad records."""

from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.sources.readers.structures_json import StructuresJson
from exfolio.builders.sources.records.source_options import SourceOptionError
from pymatgen.core import Structure


def test_structures_without_ids_are_numbered_by_formula(
    write: Any, read: Any, rock_salt: Structure, iron: Structure
) -> None:
    path = write("my set.json", [rock_salt.as_dict(), iron.as_dict(), rock_salt.as_dict()])
    reading = read(StructuresJson(paths=path))
    assert [m["material_id"] for m in reading.materials] == ["my-set:NaCl-1", "my-set:Fe-1", "my-set:NaCl-2"]
    salt = reading.materials[0]
    assert (salt["formula"], salt["formula_anonymous"], salt["chemsys"], salt["nsites"]) == (
        "Cl4Na4",
        "AB",
        "Cl-Na",
        8,
    )
    assert salt["volume"] == pytest.approx(5.64**3)
    assert salt["density"] == pytest.approx(2.163, abs=0.002)  # CRC Handbook: 2.17 g/cm^3


def test_a_bad_structure_takes_no_number(write: Any, read: Any, rock_salt: Structure) -> None:
    good = rock_salt.as_dict()
    reading = read(StructuresJson(paths=write("set.json", [{"lattice": {}, "sites": [{}]}, good, {"sites": 3}, good])))
    assert reading.ids == ["NaCl-1", "NaCl-2"]
    assert reading.places == ["item 1", "item 3"]


def test_documents_of_the_materials_project(write: Any, read: Any, rock_salt: Structure) -> None:
    document = {
        "material_id": "mp-22862",
        "formula_pretty": "NaCl",
        "structure": rock_salt.as_dict(),
        "symmetry": {"number": 225, "symbol": "Fm-3m", "crystal_system": "Cubic"},
        "energy_per_atom": -3.4,
        "formation_energy_per_atom": -2.1,
        "energy_above_hull": 0,
        "band_gap": 5.0,
        "total_magnetization": 0.0,
        "deprecated": False,
        "theoretical": False,
        "e.total": 4.2,
        "$where": "x",
    }
    [material] = read(StructuresJson(paths=write("mp.json", {"data": [document]}), method="PBE")).materials
    assert material["material_id"] == "mp:mp-22862"
    assert (material["formation_energy"], material["energy_above_hull"], material["band_gap"]) == (-2.1, 0.0, 5.0)
    assert material["methods"]["formation_energy"] == "PBE"
    assert material["space_group"] == {"number": 225, "symbol": "Fm-3m", "crystal_system": "cubic"}
    assert material["extra"] == {"deprecated": False, "theoretical": False, "e_total": 4.2, "_where": "x"}


@pytest.mark.parametrize(
    ("stated", "both"),
    [
        ({"nsites": 9}, ("9", "8")),
        ({"volume": 358.8}, ("358.8", "179.406")),
        ({"density": 4.3}, ("4.3", "2.16")),
        ({"chemsys": "K-Cl"}, ("K-Cl", "Cl-Na")),
        ({"nelements": 3}, ("3", "2")),
    ],
)
def test_a_document_that_disagrees_with_its_structure_is_refused(
    write: Any, read: Any, rock_salt: Structure, stated: dict[str, Any], both: tuple[str, str]
) -> None:
    document = {"structure": rock_salt.as_dict(), "nsites": 8, "volume": 179.4, "density": 2.163}
    path = write("one.json", [document, document | stated])
    reading = read(StructuresJson(paths=path))
    assert len(reading.materials) == 1
    assert all(figure in reading.bad[0].reason for figure in both)


def test_two_fields_that_would_be_one_are_refused(write: Any, read: Any) -> None:
    path = write("one.json", [{"formula_pretty": "NaCl", "e.total": 1, "e_total": 2}])
    assert "two of its fields are stored as e_total" in read(StructuresJson(paths=path)).bad[0].reason


def test_an_id_that_is_half_a_character_is_refused(write: Any, read: Any) -> None:
    path = write("one.json", '[{"material_id": "a\\ud800", "formula_pretty": "NaCl"}]')
    assert "half a character" in read(StructuresJson(paths=path)).bad[0].reason


def test_a_document_without_structure_needs_a_formula(write: Any, read: Any) -> None:
    documents = [
        {"material_id": "mp-1", "formula_pretty": "CsCl", "band_gap": 4.1},
        {"material_id": "mp-2", "band_gap": 4.1},
        {"material_id": "mp-3", "formula_pretty": "Xx2O"},
    ]
    reading = read(StructuresJson(paths=write("mp.json", documents)))
    assert [m["formula_reduced"] for m in reading.materials] == ["CsCl"]
    assert reading.places == ["item 2", "item 3"]


def test_keys_of_an_object_are_ids(write: Any, read: Any, rock_salt: Structure, iron: Structure) -> None:
    reading = read(StructuresJson(paths=write("set.json", {"salt": rock_salt.as_dict(), "iron": iron.as_dict()})))
    assert reading.ids == ["salt", "iron"]


def test_the_form_of_matbench(write: Any, read: Any, rock_salt: Structure, iron: Structure) -> None:
    table = {
        "index": [0, 1, 2],
        "columns": ["structure", "last phdos peak"],
        "data": [[rock_salt.as_dict(), 98.5], [iron.as_dict()], [iron.as_dict(), 300.0]],
    }
    reading = read(StructuresJson(paths=write("matbench_phonons.json", table), dimension=3))
    assert reading.ids == ["NaCl-1", "Fe-1"]
    assert reading.materials[0]["extra"] == {"last phdos peak": 98.5}
    assert reading.materials[0]["dimension_claimed"] == 3
    assert reading.places == ["row 2"]


def test_disorder_is_flagged_not_dropped(write: Any, read: Any, rock_salt: Structure) -> None:
    rock_salt.replace_species({"Na": {"Na": 0.5, "K": 0.5}})
    [material] = read(StructuresJson(paths=write("set.json", [rock_salt.as_dict()]))).materials
    assert material["disordered"] is True
    assert material["elements"] == ["Cl", "K", "Na"]


def test_large_extras_are_named_not_stored(write: Any, read: Any, rock_salt: Structure) -> None:
    document = {"structure": rock_salt.as_dict(), "dos": list(range(30000)), "note": "kept"}
    [material] = read(StructuresJson(paths=write("set.json", [document]))).materials
    assert material["extra"] == {"note": "kept", "left_out": ["dos"]}


def test_several_files_need_a_name_and_do_not_mix_their_ids(
    write: Any, read: Any, rock_salt: Structure, tmp_path: Path
) -> None:
    paths = [write(f"part/{name}.json", [rock_salt.as_dict()]) for name in ("a", "b")]
    with pytest.raises(SourceOptionError, match="needs a name"):
        StructuresJson(paths=paths)
    assert read(StructuresJson(paths=paths, source="set")).ids == ["a.json/NaCl-1", "b.json/NaCl-1"]
    assert read(StructuresJson(paths=tmp_path / "part")).ids == ["a.json/NaCl-1", "b.json/NaCl-1"]


def test_real_structures(read: Any, write: Any, shared_data: Path) -> None:
    import gzip
    import json

    table = json.loads(gzip.decompress((shared_data / "matbench_phonons_structures.json.gz").read_bytes()))
    table["data"] = table["data"][:60]
    reading = read(StructuresJson(paths=write("phonons.json", table)))
    assert (len(reading.materials), reading.bad) == (60, [])
    assert len(set(reading.ids)) == 60
    for material in reading.materials:
        assert material["formula_reduced"] == Structure.from_dict(material["structure"]).composition.reduced_formula
