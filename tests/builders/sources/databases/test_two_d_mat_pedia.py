"""The dump of 2DMatPedia: names, units and functionals of its values, and its bad records."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.sources.databases.two_d_mat_pedia import TwoDMatPedia
from exfolio.builders.sources.records.source_options import SourceOptionError
from pymatgen.core import Lattice, Structure


@pytest.fixture
def graphene() -> dict[str, Any]:
    lattice = Lattice.hexagonal(2.467, 20.0)
    structure = Structure(lattice, ["C", "C"], [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]])
    return {
        "material_id": "2dm-3993",
        "formula_pretty": "C",
        "sg_number": 191,
        "sg_symbol": "P6/mmm",
        "source_id": "mp-48",
        "discovery_process": "top-down",
        "energy_per_atom": -9.22,
        "energy_vdw_per_atom": -7.9,
        "bandgap": 0.0,
        "total_magnetization": 0.0,
        "decomposition_energy": 0.0,
        "exfoliation_energy_per_atom": 0.0709,
        "structure": structure.as_dict(),
    }


def test_a_record_becomes_a_material(write: Any, read: Any, graphene: dict[str, Any]) -> None:
    [material] = read(TwoDMatPedia(paths=write("db.json", graphene))).materials
    assert material["material_id"] == "2dmatpedia:2dm-3993"
    assert material["formula_reduced"] == "C"
    assert material["space_group"] == {"number": 191, "symbol": "P6/mmm", "crystal_system": "hexagonal"}
    assert (material["parent_id"], material["discovery"]) == ("mp-48", "top-down")
    assert material["dimension_claimed"] == 2
    assert material["exfoliation_energy"] == 0.0709
    assert material["methods"]["exfoliation_energy"] == "optB88-vdW"
    assert material["methods"]["band_gap"] == "PBE"
    assert material["extra"] == {"energy_vdw_per_atom": -7.9}
    assert "Sci. Data 6, 86 (2019)" in material["reference"]
    assert Structure.from_dict(material["structure"]).composition.formula == "C2"


def test_fields_that_are_missing_or_null_are_left_out(write: Any, read: Any, graphene: dict[str, Any]) -> None:
    del graphene["exfoliation_energy_per_atom"]
    graphene["bandgap"] = None
    [material] = read(TwoDMatPedia(paths=write("db.json", graphene))).materials
    assert not {"exfoliation_energy", "band_gap"} & {*material, *material["methods"]}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exfoliation_energy_per_atom": float("nan")}, "not finite"),
        ({"decomposition_energy": float("-inf")}, "not finite"),
        ({"bandgap": "1.2"}, "not a number"),
        ({"bandgap": -0.5}, "negative"),
        ({"material_id": None}, "no material_id"),
        ({"formula_pretty": "CO"}, "the formula is CO, the structure is C"),
        ({"sg_number": 231}, "space group number 231"),
        ({"structure": None}, "structure is not an object"),
        ({"structure": {"lattice": {"matrix": [[1, 0, 0]] * 3}, "sites": []}}, "bad structure"),
        ({"note": 10**30}, "beyond 64 bits"),
        ({"note": {"inner": [1.0, float("inf")]}}, "not finite"),
    ],
)
def test_a_bad_record_is_told_and_the_next_is_read(
    write: Any, read: Any, graphene: dict[str, Any], changes: dict[str, Any], reason: str
) -> None:
    lines = [json.dumps({**graphene, **changes}), json.dumps({**graphene, "material_id": "2dm-1"})]
    reading = read(TwoDMatPedia(paths=write("db.json", "\n".join(lines))))
    assert reading.ids == ["2dm-1"]
    assert reading.places == ["line 1"]
    assert reason in reading.bad[0].reason
    assert reading.bad[0].remedy


def test_classes_named_in_a_file_are_not_imported(
    write: Any, read: Any, graphene: dict[str, Any], tmp_path: Path
) -> None:
    trap = {"@module": "subprocess", "@class": "Popen", "args": ["touch", str(tmp_path / "sprung")]}
    graphene["structure"] = {**graphene["structure"], "@module": "subprocess", "@class": "Popen", "properties": trap}
    graphene["trap"] = trap
    [material] = read(TwoDMatPedia(paths=write("db.json", graphene))).materials
    assert not (tmp_path / "sprung").exists()
    assert material["structure"]["@class"] == "Structure"
    assert "@module" not in json.dumps(material["extra"])


def test_the_source_can_be_given_another_name(write: Any, read: Any, graphene: dict[str, Any]) -> None:
    reader = TwoDMatPedia(paths=write("db.json", graphene), source="2dmp-2019", source_version="2019-06")
    [material] = read(pickle.loads(pickle.dumps(reader))).materials
    assert material["material_id"] == "2dmp-2019:2dm-3993"
    assert material["source_version"] == "2019-06"
    assert reader.describe() == {
        "kind": "2dmatpedia",
        "version": 1,
        "source": "2dmp-2019",
        "source_version": "2019-06",
    }


@pytest.mark.parametrize("name", ["a:b", "two words", "../x", "-x"])
def test_a_source_name_that_would_break_ids_is_refused(name: str) -> None:
    with pytest.raises(SourceOptionError, match="can't be called"):
        TwoDMatPedia(paths="db.json", source=name)


def test_real_records(read: Callable[..., Any], write: Any, shared_data: Path) -> None:
    import gzip

    with gzip.open(shared_data / "2dmatpedia_records.jsonl.gz") as stream:
        lines = [next(stream) for _ in range(40)]
    reading = read(TwoDMatPedia(paths=write("db.json", b"".join(lines))))
    assert (len(reading.materials), reading.bad) == (40, [])
    silicon_bromide = next(m for m in reading.materials if m["source_id"] == "2dm-10")
    assert silicon_bromide["parent_id"] == "mp-341"
    assert silicon_bromide["exfoliation_energy"] == pytest.approx(0.1285, abs=1e-4)
    assert silicon_bromide["density"] == pytest.approx(
        Structure.from_dict(silicon_bromide["structure"]).density, rel=1e-6
    )
