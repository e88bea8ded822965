"""Input for what candidates wait for: MoS2 as layer and bulk, WSe2 made of it by substitution."""

from pathlib import Path

import pytest
from exfolio.builders.calculations.vasp.crawl import MANIFEST
from exfolio.builders.calculations.vasp.inputs.folders import FORMAT, Tree
from exfolio.builders.calculations.vasp.inputs.input_export import export_vasp, require_potcars
from exfolio.builders.calculations.vasp.manifest import read_manifest
from exfolio.models.calculation.plan import Choices
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Candidate, Material, ProposedStructure
from exfolio.stores.errors import CannotRunError, ConfigurationError
from filelock import FileLock
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp.inputs import SETTINGS, Incar, Kpoints, Poscar
from small_registry import material, plain, put
from waiting_layer import (
    CAMPAIGN,
    EXFOLIATION,
    HULL,
    LAYER,
    candidate,
    folder_of,
    layer,
    manifest_of,
    mos2_bulk,
    proposed,
)


def tree_of(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != ".exfolio.lock"
    }


def test_a_folder_is_written_for_every_calculation_that_is_due(waiting: Connection, tmp_path: Path) -> None:
    done = export_vasp(waiting, CAMPAIGN, tmp_path / "out")

    of_layer, of_bulk = ({p.split("/")[1] for p in done.new if ("_bulk_" in p) is bulk} for bulk in (False, True))
    assert of_layer == {"PBE-relax", "PBE-static", "optB88-vdW-relax", "optB88-vdW-static"}
    assert of_bulk == {"optB88-vdW-relax", "optB88-vdW-static"}
    for path in done.new:
        folder = tmp_path / "out" / path
        assert {file.name for file in folder.iterdir()} == {"INCAR", "KPOINTS", "POSCAR", "POTCAR.spec", MANIFEST}
        assert (folder / "POTCAR.spec").read_text().split() == ["Mo_pv", "S"]
        assert Poscar.from_file(folder / "POSCAR").structure.composition.reduced_formula == "MoS2"
        along_c = Kpoints.from_file(folder / "KPOINTS").kpts[0][2]
        assert (along_c == 1) is ("_bulk_" not in path)
        assert Incar.from_file(folder / "INCAR").get("LUSE_VDW", False) is ("vdW" in path)


def test_the_manifest_says_what_the_calculation_is_for(waiting: Connection, tmp_path: Path) -> None:
    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    of_layer = tmp_path / folder_of(done, "optB88-vdW-static", LAYER)
    manifest = manifest_of(of_layer)
    assert manifest["candidate_id"] == f"{CAMPAIGN}/{LAYER}"
    assert (manifest["structure_id"], manifest["material_id"], manifest["bulk_of"]) == (LAYER, None, None)
    assert (manifest["functional"], manifest["task"], manifest["fields"]) == ("optB88-vdW", "static", [*EXFOLIATION])
    assert manifest["after"] == "../optB88-vdW-relax"
    assert (of_layer / manifest["after"]).is_dir()
    assert manifest["expected"] == {"energy": "eV", "structure": "Å"}
    assert set(manifest["files"]) == {"INCAR", "KPOINTS", "POSCAR", "POTCAR.spec"}

    of_bulk = manifest_of(tmp_path / folder_of(done, "optB88-vdW-static", "_bulk_"))
    assert (of_bulk["structure_id"], of_bulk["material_id"], of_bulk["bulk_of"]) == (None, "bulk:mos2", LAYER)

    top = manifest_of(tmp_path)
    assert set(top["folders"]) == set(done.new)
    assert all(entry["due"] and entry["candidates"] == [f"{CAMPAIGN}/{LAYER}"] for entry in top["folders"].values())


def test_the_ingestion_reads_the_manifest(waiting: Connection, tmp_path: Path) -> None:
    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    read, problem = read_manifest(tmp_path / folder_of(done, "PBE-relax") / MANIFEST)
    assert problem is None
    assert (read["structure_id"], read["candidate_id"], read["campaign"]) == (LAYER, f"{CAMPAIGN}/{LAYER}", CAMPAIGN)
    assert "bulk_of" not in read


def test_a_second_export_writes_nothing(waiting: Connection, tmp_path: Path) -> None:
    first = export_vasp(waiting, CAMPAIGN, tmp_path)
    before = tree_of(tmp_path)

    second = export_vasp(waiting, CAMPAIGN, tmp_path)

    assert (second.new, second.changed, second.unchanged) == ([], [], len(first.new))
    assert tree_of(tmp_path) == before


def test_a_folder_in_which_a_calculation_has_begun_is_left_alone(waiting: Connection, tmp_path: Path) -> None:
    begun = folder_of(export_vasp(waiting, CAMPAIGN, tmp_path), "PBE-relax")
    (tmp_path / begun / "OUTCAR").touch()
    before = {name: held for name, held in tree_of(tmp_path).items() if name.startswith(begun)}

    done = export_vasp(waiting, CAMPAIGN, tmp_path, choices=Choices(vacuum=30))

    assert done.kept == {begun: "a calculation has begun there"}
    assert {name: held for name, held in tree_of(tmp_path).items() if name.startswith(begun)} == before
    assert len(done.changed) == 3, "the other calculations of the layer"
    assert done.unchanged == 2, "those of the bulk, which has no vacuum"


@pytest.mark.parametrize("output", ["vasprun.xml.gz", "OSZICAR", "CONTCAR.relax1", "vasp.out", "error.1.tar.gz"])
def test_any_output_shows_that_a_calculation_has_begun(tmp_path: Path, output: str) -> None:
    tree = Tree(tmp_path)
    tree.put("MoS2/PBE-relax", {"INCAR": "ENCUT = 520\n"}, {"format": FORMAT})
    assert tree.look("MoS2/PBE-relax").state == "untouched"

    (tmp_path / "MoS2" / "PBE-relax" / output).touch()

    assert tree.look("MoS2/PBE-relax").state == "begun"
    with pytest.raises(ConfigurationError, match="has changed while"):
        tree.put("MoS2/PBE-relax", {"INCAR": "ENCUT = 680\n"}, {"format": FORMAT})
    assert (tmp_path / "MoS2" / "PBE-relax" / "INCAR").read_text() == "ENCUT = 520\n"


def test_a_persons_changes_and_files_are_left_alone(waiting: Connection, tmp_path: Path) -> None:
    done = export_vasp(waiting, CAMPAIGN, tmp_path)
    edited, added = folder_of(done, "PBE-relax"), folder_of(done, "PBE-static")
    (tmp_path / edited / "INCAR").write_text("ENCUT = 700\n")
    (tmp_path / added / "job.slurm").touch()

    again = export_vasp(waiting, CAMPAIGN, tmp_path, choices=Choices(vacuum=30))

    assert set(again.kept) == {edited, added}
    assert (tmp_path / edited / "INCAR").read_text() == "ENCUT = 700\n"


def test_another_structure_has_another_folder(waiting: Connection, tmp_path: Path) -> None:
    before = folder_of(export_vasp(waiting, CAMPAIGN, tmp_path), "PBE-relax")
    put(waiting, ProposedStructure, [proposed(LAYER, "MoS2", layer(a=3.2))])

    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    after = folder_of(done, "PBE-relax")
    assert after != before
    assert (tmp_path / before / "POSCAR").exists()
    listed = manifest_of(tmp_path)["folders"]
    assert (listed[before]["due"], listed[after]["due"]) == (False, True)


def test_what_cannot_be_calculated_is_said(waiting: Connection, tmp_path: Path) -> None:
    kind, mixed = "st-4444444444444444", "st-5555555555555555"
    half = Structure(Lattice.hexagonal(3.2, 23), [{"Mo": 0.5, "W": 0.5}], [(0, 0, 0.5)])
    doc = proposed(mixed, "MoS2", layer())
    doc["structure"]["sites"][0]["species"] = [{"element": str(el), "occu": 0.5} for el in half[0].species]
    put(waiting, Material, [material("bulk:mixed", "MoWS4", "Mo-S-W", structure=plain(mos2_bulk()), nsites=6)])
    put(waiting, ProposedStructure, [proposed(kind, "MoS2", layer(), parent_id="bulk:mixed"), doc])
    new = [candidate(kind, "MoS2", EXFOLIATION, parent_id="bulk:mixed"), candidate(mixed, "MoS2", HULL)]
    put(waiting, Candidate, [*new, candidate("st-6666666666666666", "MoS2", ("p_2d", *HULL))])

    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    several = "its bulk, bulk:mixed, is MoWS4, of which it is one of several kinds of layers"
    assert done.without_bulk == {f"{CAMPAIGN}/{kind}": several}
    assert set(done.failed) == {f"structures:{mixed} PBE-relax", f"structures:{mixed} PBE-static"}
    assert all("disordered" in reason for reason in done.failed.values())
    assert done.blocked == {"p 2d": 1}


def test_potcars_are_only_for_those_who_have_them(
    waiting: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(SETTINGS, "PMG_VASP_PSP_DIR", raising=False)
    with pytest.raises(ConfigurationError, match="PMG_VASP_PSP_DIR is not set"):
        export_vasp(waiting, CAMPAIGN, tmp_path / "out", potcar=True)
    assert not (tmp_path / "out").exists()

    monkeypatch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError, match="is not a folder"):
        require_potcars()
    (tmp_path / "nowhere").mkdir()
    done = export_vasp(waiting, CAMPAIGN, tmp_path / "out", potcar=True)
    assert len(done.failed) == 6, "an empty folder has the POTCAR of no element"
    assert done.new == []


def test_what_a_killed_export_left_half_written_is_cleared(waiting: Connection, tmp_path: Path) -> None:
    folder = folder_of(export_vasp(waiting, CAMPAIGN, tmp_path), "PBE-relax").partition("/")[0]
    left = tmp_path / folder / ".exfolio-abc"
    left.mkdir()
    (left / "INCAR").touch()

    export_vasp(waiting, CAMPAIGN, tmp_path)

    assert not left.exists()


def test_one_export_at_a_time_and_only_into_a_tree(waiting: Connection, tmp_path: Path) -> None:
    with FileLock(tmp_path / ".exfolio.lock"), pytest.raises(CannotRunError, match="another export"):
        export_vasp(waiting, CAMPAIGN, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="can't be written"):
        export_vasp(waiting, CAMPAIGN, tmp_path / "file")
    (tmp_path / MANIFEST).write_text("{}")
    with pytest.raises(ConfigurationError, match="no manifest of a tree"):
        export_vasp(waiting, CAMPAIGN, tmp_path)
