"""``exfolio export``: files that other programs read, none replaced unasked, none half-written."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.io
import pytest
import small_registry
from exfolio.builders.exports.names import file_names
from exfolio.builders.exports.whole_file import whole_file
from exfolio.cli.commands.sharing.export import ExportFormat, written_as
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Material
from exfolio.stores.errors import ConfigurationError
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure

MAGNESIUM_HYDROXIDE = [
    [0, 0, 0],
    [1 / 3, 2 / 3, 0.22],
    [2 / 3, 1 / 3, 0.78],
    [1 / 3, 2 / 3, 0.43],
    [2 / 3, 1 / 3, 0.57],
]

Ask = Callable[..., tuple[int, str, str]]


@pytest.mark.filterwarnings("ignore:Issues encountered while parsing CIF")  # pymatgen rounds 0.3333 to 1/3
@pytest.mark.parametrize(("format_", "ending"), [("cif", ".cif"), ("poscar", ".vasp")])
def test_structures_come_back_as_they_were(
    registry: Connection, ask: Ask, tmp_path: Path, format_: str, ending: str
) -> None:
    folder = tmp_path / "out" / format_
    code, printed, said = ask("export", "materials", "--elements", "Mo", "--format", format_, "--out", str(folder))

    assert (code, said) == (0, "")
    assert f"1 {format_} file in" in printed
    [file] = folder.iterdir()
    assert file.name == f"bulk_mos2{ending}"
    read = Structure.from_str(file.read_text(), fmt=format_)
    assert StructureMatcher().fit(read, small_registry.mos2_bulk())


@pytest.mark.filterwarnings("ignore:Issues encountered while parsing CIF")
def test_a_candidate_without_a_structure_of_its_own_has_that_of_the_proposed_one(
    registry: Connection, ask: Ask, tmp_path: Path
) -> None:
    code, _, said = ask("export", "candidates", "--out", str(tmp_path / "out"))

    assert code == 0
    assert "1 candidate without a structure left out" in said
    read = Structure.from_file(tmp_path / "out" / "two-dimensional_st-1890e1f5735df206.cif")
    assert StructureMatcher().fit(read, small_registry.mos2_monolayer())


def test_nothing_is_replaced_unless_forced(registry: Connection, ask: Ask, tmp_path: Path) -> None:
    target = tmp_path / "bulk_mos2.cif"
    target.write_text("mine")

    code, _, said = ask("export", "materials", "--out", str(tmp_path))
    assert code == 2
    assert "--force" in said
    assert target.read_text() == "mine"

    assert ask("export", "materials", "--out", str(tmp_path), "--force")[0] == 0
    assert target.read_text().startswith("# generated using pymatgen")
    assert [path.name for path in tmp_path.iterdir()] == ["bulk_mos2.cif"], "no temporary file is left"


def test_documents_go_into_one_file(registry: Connection, ask: Ask, tmp_path: Path) -> None:
    lines, table = tmp_path / "all.jsonl", tmp_path / "all.csv"

    assert ask("export", "materials", "--format", "jsonl", "--out", str(lines))[0] == 0
    assert ask("export", "materials", "--format", "csv", "--out", str(table))[0] == 0
    documents = {doc["material_id"]: doc for doc in map(json.loads, lines.read_text().splitlines())}
    with table.open(newline="") as stream:
        rows = {row["material_id"]: row for row in csv.DictReader(stream)}
    assert documents.keys() == rows.keys()
    assert json.loads(rows["bulk:mos2"]["structure"]) == documents["bulk:mos2"]["structure"]
    code, _, said = ask("export", "materials", "--format", "csv", "--out", str(table))
    assert code == 2
    assert "is there already" in said
    assert ask("export", "materials", "--format", "csv", "--out", str(tmp_path))[0] == 2, "a folder is no file"
    assert ask("export", "runs", "--out", str(tmp_path))[0] == 2, "runs have no structures"


def test_one_bad_structure_does_not_stop_the_others(
    own_registry: Connection, ask_json: Callable[..., Any], tmp_path: Path
) -> None:
    overlapping = small_registry.plain(small_registry.mos2_bulk())
    overlapping["sites"][1]["abc"] = overlapping["sites"][0]["abc"]
    bad = small_registry.material("bulk:bad", "MoS2", "Mo-S", structure=overlapping, nsites=6)
    small_registry.put(own_registry, Material, [bad])

    done = ask_json("export", "materials", "--elements", "Mo", "--out", str(tmp_path), code=1)

    assert done["written"] == 1
    assert "atoms overlap" in done["failed"]["bulk:bad"]


def test_file_names_stay_in_the_folder_and_apart() -> None:
    keys = ["../../etc/passwd", "/abs", "a:b", "a/b", "A:B", "..", ".hidden", "x" * 999, "é", "CaO\n"]
    names = file_names(keys, ".cif")

    assert len({name.casefold() for name in names.values()}) == len(keys)
    for name in names.values():
        assert Path(name).name == name
        assert not name.startswith((".", "-"))
        assert len(name) < 200
        assert name.isascii()
    assert names["a:b"] == "a_b.cif"


@pytest.mark.parametrize(
    "key", ["cod:1000041.cif", "x:POSCAR_7", "x:CHGCAR", "x:vasprun.xml", "x:a.json", "x:OUTCAR-2.xyz"]
)
def test_other_programs_know_the_format_by_the_name(tmp_path: Path, key: str) -> None:
    rutile = Structure.from_spacegroup(
        "P4_2/mnm", Lattice.tetragonal(4.594, 2.959), ["Ti", "O"], [[0, 0, 0], [0.305, 0.305, 0]]
    )
    for format_, ending in ((ExportFormat.cif, ".cif"), (ExportFormat.poscar, ".vasp")):
        path = tmp_path / file_names([key], ending)[key]
        path.write_text(written_as(format_, small_registry.plain(rutile), key))
        assert sorted(map(str, Structure.from_file(path).species)) == ["O"] * 4 + ["Ti"] * 2
        assert sorted(ase.io.read(path).get_chemical_symbols()) == ["O"] * 4 + ["Ti"] * 2


def test_files_name_their_formula_as_chemists_do() -> None:
    cell = Structure(Lattice.hexagonal(3.142, 4.766), ["Mg", "O", "O", "H", "H"], MAGNESIUM_HYDROXIDE)
    plain = small_registry.plain(cell)
    assert written_as(ExportFormat.poscar, plain, "x").startswith("Mg(OH)2 x")
    assert written_as(ExportFormat.poscar, plain, "a\n1.0 b").splitlines()[:2] == ["Mg(OH)2 a 1.0 b", "1.0"]
    text = written_as(ExportFormat.cif, plain, "x")
    assert "data_Mg(OH)2" in text
    assert "(HO)" not in text


def test_a_disordered_structure_is_no_poscar() -> None:
    plain = small_registry.plain(small_registry.mos2_bulk())
    plain["sites"][0]["species"] = [{"element": "Mo", "occu": 0.5}, {"element": "W", "occu": 0.5}]

    with pytest.raises(ValueError, match="disordered"):
        written_as(ExportFormat.poscar, plain, "x")
    assert "W" in written_as(ExportFormat.cif, plain, "x")


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"

    def fail_half_way() -> None:
        with whole_file(path, force=False) as stream:
            stream.write("half")
            raise RuntimeError

    def be_too_late() -> None:
        with whole_file(path, force=False) as stream:
            path.write_text("somebody else was quicker")
            stream.write("mine")

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigurationError, match="is there already"):
        be_too_late()
    assert path.read_text() == "somebody else was quicker"
    with pytest.raises(ConfigurationError, match="nothing can be written"), whole_file(path / "b", force=False):
        pass


@pytest.mark.parametrize("format_", ["extxyz", "ase", "cifs", "parquet"])
def test_many_go_into_one_file_of_every_form(registry: Connection, ask: Ask, tmp_path: Path, format_: str) -> None:
    file = tmp_path / f"all.{format_}"
    code, printed, said = ask("export", "candidates", "--format", format_, "--out", str(file))
    again, _, refused = ask("export", "candidates", "--format", format_, "--out", str(file))

    assert code == 0, said
    assert "candidate" in printed
    assert file.stat().st_size > 100
    assert again == 2
    assert "is there already" in refused
    if format_ == "extxyz":  # each value with its interval and its method
        frame = file.read_text(encoding="utf-8")
        assert re.search(r"exfoliation_energy=\S+ ", frame)
        assert re.search(r'exfoliation_energy_method="?\w+', frame)
