"""Readers of Alexandria, OQMD, MC2D, MatPES and extended XYZ on records of the shapes that these distribute."""

import bz2
import gzip
import json
from typing import Any

import pytest
from exfolio.builders.sources.databases.alexandria import Alexandria
from exfolio.builders.sources.databases.c2db_folders import C2dbFolders
from exfolio.builders.sources.databases.matpes import MatPes
from exfolio.builders.sources.databases.mc2d import Mc2d
from exfolio.builders.sources.databases.oqmd import Oqmd
from exfolio.builders.sources.databases.x2db import X2db
from exfolio.builders.sources.kind_guess import guess_kind
from exfolio.builders.sources.readers.extended_xyz import ExtendedXyz
from pymatgen.core import Lattice, Structure
from pymatgen.entries.computed_entries import ComputedStructureEntry

LAYER = Structure(
    Lattice.hexagonal(3.16, 18.0), ["Mo", "S", "S"], [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.587], [2 / 3, 1 / 3, 0.413]]
)


def alexandria_entry(**data: Any) -> dict[str, Any]:
    """An entry as in Alexandria's files: forces and moments at the sites, numbers in `data`."""
    structure = LAYER.copy(site_properties={"forces": [[0.0, 0.0, 0.0]] * 3, "magmom": [0.0] * 3})
    facts = {
        "mat_id": "agm2000000042",
        "prototype_id": "MoS2_187",
        "formula": "MoS2",
        "spg": 187,
        "nsites": 3,
        "energy_total": -21.7,
        "energy_corrected": -21.7,
        "total_mag": 0.0,
        "band_gap_ind": 1.67,
        "band_gap_dir": 1.67,
        "dos_ef": 0.0,
        "e_form": -0.92,
        "e_above_hull": 0.0,
        "e_phase_separation": -0.3,
        "decomposition": "MoS2",
    }
    entry = ComputedStructureEntry(structure, -21.7, data=facts | data, entry_id="agm2000000042")
    return json.loads(json.dumps(entry.as_dict()))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("name", "dimension", "functional"),
    [
        ("alexandria_2d_000.json.bz2", 2, "PBE"),
        ("alexandria_000.json.bz2", 3, "PBE"),
        ("alexandria_ps_001.json", 3, "PBEsol"),
    ],
)
def test_alexandria(write: Any, read: Any, name: str, dimension: int, functional: str) -> None:
    content = json.dumps({"entries": [alexandria_entry(), alexandria_entry(mat_id="agm2", formula="MoSe2")]}).encode()
    path = write(name, bz2.compress(content) if name.endswith("bz2") else content)
    assert guess_kind(path) == "alexandria"

    reading = read(Alexandria(paths=path))
    [material] = reading.materials

    assert material["material_id"] == "alexandria:agm2000000042"
    assert (material["dimension_claimed"], material["nsites"]) == (dimension, 3)
    assert material["energy_per_atom"] == pytest.approx(-21.7 / 3)
    assert [material[field] for field in ("formation_energy", "energy_above_hull", "band_gap")] == [-0.92, 0.0, 1.67]
    assert set(material["methods"].values()) == {functional}
    assert material["space_group"]["number"] == 187
    assert material["extra"]["license"] == "CC BY 4.0"
    assert material["extra"]["e_phase_separation"] == -0.3
    assert "the formula is MoSe2" in reading.bad[0].reason


SILICON = {
    "name": "Si",
    "entry_id": 1214579,
    "calculation_id": 3,
    "icsd_id": None,
    "formationenergy_id": 7,
    "duplicate_entry_id": 1214579,
    "composition": "Si2",
    "composition_generic": "A",
    "prototype": "A4 Si",
    "spacegroup": "Fd-3m",
    "volume": 40.9,
    "ntypes": 1,
    "natoms": 2,
    "unit_cell": [[0, 2.73, 2.73], [2.73, 0, 2.73], [2.73, 2.73, 0]],
    "sites": ["Si @ 0.875 0.875 0.875", "Si @ 0.125 0.125 0.125"],
    "band_gap": 0.6,
    "delta_e": 0.0,
    "stability": 0.0,
    "fit": "standard",
    "calculation_label": "static",
}


def test_oqmd(write: Any, read: Any) -> None:
    # Given a page of the API as it is saved, and the list of its records alone, without structures
    page = {"links": {"next": None}, "resource": {}, "data": [SILICON], "meta": {"more_data_available": False}}
    bare = {**SILICON, "entry_id": 9, "name": "Al2O3", "sites": None, "delta_e": -3.43, "stability": 0.01}

    [silicon] = read(Oqmd(paths=write("page.json", json.dumps(page)))).materials
    path = write("list.json", json.dumps([bare, {**SILICON, "name": "Ge", "entry_id": 10}, {**bare, "delta_e": -8.0}]))
    reading = read(Oqmd(paths=path))

    assert guess_kind(path) == "oqmd"
    assert (silicon["material_id"], silicon["prototype"], silicon["nsites"]) == ("oqmd:1214579", "A4 Si", 2)
    assert silicon["space_group"]["symbol"] == "Fd-3m"
    assert silicon["methods"]["formation_energy"] == "PBE (+U)"
    [alumina] = reading.materials
    assert (alumina["formula_reduced"], alumina["formation_energy"], "structure" in alumina) == ("Al2O3", -3.43, False)
    assert ["formula is Ge" in reading.bad[0].reason, "unit right" in reading.bad[1].reason] == [True, True]


MC2D = {
    "abundance": 5e-08,
    "all_3D_parents": [
        {
            "formula": "Mo2S4",
            "spg": "P6_3/mmc",
            "db_id": "9007660",
            "source_db": "COD",
            "uuid": "bea3c00d-0001",
            "binding_energy_per_substructure_per_unit_area_df2": {"uuid": "bd666977-0001", "value": 0.0219},
            "binding_energy_per_substructure_per_unit_area_rvv10": {"uuid": "bd666977-0002", "value": 0.0286},
        }
    ],
    "as_extracted_2D_structure_uuid": "47e2d50c-9387-4500-aab8-97bffca3fce6",
    "optimized_2D_structure_uuid": "47df4485-5c81-4597-921b-70f06df6a848",
    "band_gap": {"uuid": "f14bb2a8-0001", "value": 1.6},
    "formula": "MoS2",
    "number_of_atoms": 3,
    "number_of_species": 2,
    "prototype": "CdI2",
    "space_group_number": 187,
}


@pytest.mark.filterwarnings("ignore")
def test_mc2d(write: Any, read: Any) -> None:
    # Given the archive's list beside the folder of relaxed layers, which lacks that of the second
    other = {**MC2D, "optimized_2D_structure_uuid": "0", "as_extracted_2D_structure_uuid": "1"}
    write(f"mc2d/optimized_2d_structures/{MC2D['optimized_2D_structure_uuid']}.cif", LAYER.to(fmt="cif"))
    path = write("mc2d/structure_2d.json", json.dumps([MC2D, other]))

    layer, bare = read(Mc2d(paths=path)).materials

    assert guess_kind(path) == "mc2d"
    assert (layer["source_id"], layer["parent_id"]) == (MC2D["optimized_2D_structure_uuid"], "COD 9007660")
    assert (layer["band_gap"], layer["dimension_claimed"]) == (1.6, 2)
    # 21.9 meV/Å^2 of a cell of 3.16^2 sin 60° = 8.648 Å^2 with 3 atoms: 63.1 meV/atom
    assert layer["exfoliation_energy"] == pytest.approx(0.0631, abs=1e-4)
    assert layer["methods"] == {"structure": "PBE", "band_gap": "PBE", "exfoliation_energy": "vdW-DF2-C09"}
    assert ("structure" in bare, "exfoliation_energy" in bare) == (False, False)


def test_c2db_s_folders(write: Any, read: Any) -> None:
    pytest.importorskip("ase")
    # Given two folders of the archive, of which one names the report of its monolayer
    facts = {"olduid": "MoS2-165798ab5e18", "hform": -0.93, "ehull": 0.0, "gap": 1.58, "evac": 4.4, "magstate": "NM"}
    facts |= {"energy": -21.9, "layergroup": "p-6m2", "lgnum": 78, "dyn_stab": True, "label": "Lyngby22_CDVAE"}
    for place, more in (("AB2/1MoS2/1", {"doi": "10.1103/PhysRevLett.105.136805"}), ("AB2/1MoS2/2", {})):
        path = write(f"C2DB/{place}/data.json", json.dumps(facts | more))
        write(f"C2DB/{place}/structure.xyz", FRAME.format(info="", c="F"))
    write("C2DB/AB2/1WS2/1/data.json", json.dumps(facts))

    reading = read(C2dbFolders(paths=path.parents[3]))

    assert guess_kind(path) == "c2db-folders"
    made, other = reading.materials
    assert (made["material_id"], made["formation_energy"], made["band_gap"]) == ("c2db:1MoS2-1", -0.93, 1.58)
    assert (made["synthesised"], "synthesised" in other) == (True, False)
    assert made["extra"]["layergroup"] == "p-6m2"
    assert "no structure.xyz" in reading.bad[0].reason


def test_x2db(write: Any, read: Any) -> None:
    pytest.importorskip("ase")
    # Given a layer with what was computed, one of which little is, one of no known layout, and a bulk crystal
    facts = {"uid": "1MoS2-1", "hform": -0.93, "gap": 1.58, "doi": "10.1126/science.1102896"}
    records = [facts, {"uid": "1MoS2-2", "label": "few-layer"}, {"formula": "MoS2"}, {"uid": "2MoS2-bulk"}]
    for number, more in enumerate(records, start=1):
        path = write(f"X2DB/AB2/1MoS2/{number}/data.json", json.dumps(more))
        write(f"X2DB/AB2/1MoS2/{number}/structure.xyz", FRAME.format(info="", c="T" if number == 4 else "F"))

    reading = read(X2db(paths=path.parents[3]))

    known, bare = reading.materials
    assert (known["material_id"], known["band_gap"], known["synthesised"]) == ("x2db:1MoS2-1", 1.58, True)
    assert (bare["material_id"], bare["dimension_claimed"], bare["synthesised"]) == ("x2db:1MoS2-2", 2, True)
    assert known["extra"]["doi"] == "10.1126/science.1102896"
    assert "X2DB" in known["reference"]
    assert ["no uid" in reading.bad[0].reason, "no layer" in reading.bad[1].reason] == [True, True]


def test_matpes(write: Any, read: Any) -> None:
    record = {
        "matpes_id": "matpes-20240214_999484_73",
        "structure": LAYER.as_dict(),
        "energy": -21.6,
        "functional": "PBE",
        "formula_pretty": "MoS2",
        "bandgap": 1.5,
        "formation_energy_per_atom": 1.9,
        "cohesive_energy_per_atom": -5.0,
        "forces": [[0, 0, 0.3]] * 3,
        "stress": [0, 0, 0, 0, 0, 0],
        "provenance": {"original_mp_id": "mp-1434", "md_ensemble": "NpT", "md_temperature": 300, "md_step": 41},
    }
    path = write("MatPES-PBE-2025.1.json.gz", gzip.compress(json.dumps([record]).encode()))

    [material] = read(MatPes(paths=path)).materials

    assert guess_kind(path) == "matpes"
    assert material["material_id"] == "matpes:matpes-20240214_999484_73"
    assert material["energy_per_atom"] == pytest.approx(-7.2)
    assert "formation_energy" not in material, "of a snapshot at 300 K, which is no phase"
    assert material["extra"]["provenance"]["original_mp_id"] == "mp-1434"


FRAME = """3
Lattice="3.16 0 0 -1.58 2.7366 0 0 0 18.0" Properties=species:S:1:pos:R:3:forces:R:3 {info} pbc="T T {c}"
Mo 0.0 1.8244 9.0 0 0 0
S 1.58 0.9122 10.566 0 0 0
S 1.58 0.9122 7.434 0 0 0
"""


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        ('occupancy="_JSON {\\"0\\": {\\"Mo\\": 0.5, \\"W\\": 0.5}, \\"1\\": {\\"S\\": 1.0}}"', "disordered"),
        ("energy=-21600 energy_unit=meV", "energies are in eV"),
        ("energy=nan", "not finite"),
    ],
)
def test_frames_that_say_more_than_atoms_hold_are_refused(write: Any, read: Any, info: str, reason: str) -> None:
    pytest.importorskip("ase")
    reading = read(ExtendedXyz(paths=write("a.extxyz", "\ufeff" + FRAME.format(info=info, c="F"))))
    assert reason in reading.bad[0].reason


def test_extended_xyz(write: Any, read: Any) -> None:
    pytest.importorskip("ase")
    frames = FRAME.format(info="energy=-21.6 sid=omat-17 temperature=300", c="F") + FRAME.format(
        info="energy=-21.3", c="T"
    )
    reading = read(ExtendedXyz(paths=write("omat.extxyz", frames + "three\n"), method="PBE"))

    assert guess_kind(write("one.xyz", FRAME.format(info="", c="T"))) == "extxyz"
    first, second = reading.materials
    assert (first["source_id"], second["source_id"]) == ("omat-17", "MoS2-1")
    assert (first["dimension_claimed"], "dimension_claimed" in second) == (2, False)
    assert first["energy_per_atom"] == pytest.approx(-7.2)
    assert (first["methods"], first["extra"]) == ({"energy_per_atom": "PBE"}, {"temperature": 300})
    assert [bad.rest_unread for bad in reading.bad] == [True]
