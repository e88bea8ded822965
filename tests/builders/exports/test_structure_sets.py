"""Many structures in one file, read again by the programs that others read them with."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import ase.db
import ase.io
import pytest
from exfolio.builders.exports.structure_sets import write_archive, write_ase_database, write_extxyz
from exfolio.builders.sources.readers.ase_database import AseDatabase
from exfolio.builders.sources.readers.extended_xyz import ExtendedXyz
from exfolio.builders.sources.records.raw_record import RawRecord
from exfolio.models.structure.serialization import from_plain, to_plain
from pymatgen.core import Lattice, Structure
from small_registry import mos2_bulk

KNOWN = {
    "formula_reduced": "Te2Mo",
    "title": "=1+1",
    "status": "promoted",
    "exfoliation_energy": 0.08,
    "exfoliation_energy_low": 0.05,
    "novel": True,
}
LAYER = Structure(
    Lattice.hexagonal(3.19, 20), ["Mo", "S", "S"], [[1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0.078], [2 / 3, 1 / 3, 0.922]]
)
"""MoS2 on the border of its cell."""
DISORDERED = Structure(Lattice.cubic(3.6), [{"Cu": 0.5, "Ni": 0.5}], [[0, 0, 0]])


def described() -> list[tuple[str, dict[str, object], dict[str, object]]]:
    return [("two-dimensional/st-1", to_plain(mos2_bulk()), KNOWN), ("x:alloy", to_plain(DISORDERED), {})]


def test_frames_of_extended_xyz_keep_cell_positions_and_values(tmp_path: Path) -> None:
    problems: dict[str, str] = {}

    number = write_extxyz(described(), tmp_path / "all.xyz", problems)

    [atoms] = ase.io.read(tmp_path / "all.xyz", index=":")
    assert number == 1
    assert atoms.get_chemical_formula() == "Mo2S4"
    assert atoms.cell.lengths() == pytest.approx([3.16, 3.16, 12.294])
    assert atoms.info["id"] == "two-dimensional/st-1"
    assert (atoms.info["exfoliation_energy"], atoms.info["exfoliation_energy_low"]) == (0.08, 0.05)
    assert "disordered" in problems["x:alloy"]


def test_a_layer_is_not_periodic_across_its_vacuum_and_is_in_one_piece(tmp_path: Path) -> None:
    layers: list[tuple[str, dict[str, object], dict[str, object]]] = [("mos2", to_plain(LAYER), {})]
    write_extxyz(layers, tmp_path / "layer.xyz", {})
    write_ase_database(layers, tmp_path / "layer.db", {})

    frame = ase.io.read(tmp_path / "layer.xyz")
    with ase.db.connect(tmp_path / "layer.db") as database:
        row = database.get(1).toatoms()
    for atoms in (frame, row):
        assert atoms.pbc.tolist() == [True, True, False]
        assert max(atoms.positions[:, 2]) - min(atoms.positions[:, 2]) == pytest.approx(3.12)


@pytest.mark.parametrize(
    ("write", "name", "reader"), [(write_extxyz, "all.xyz", ExtendedXyz), (write_ase_database, "all.db", AseDatabase)]
)
def test_a_layer_that_was_written_is_read_as_the_same_layer(
    tmp_path: Path, write: Callable[..., int], name: str, reader: type[ExtendedXyz | AseDatabase]
) -> None:
    write([("mos2", to_plain(LAYER), {})], tmp_path / name, {})

    [raw] = reader(paths=[tmp_path / name]).records(tmp_path / name)
    assert isinstance(raw, RawRecord)
    read = reader(paths=[tmp_path / name]).parse(raw)["materials"][0]
    assert read["dimension_claimed"] == 2
    found = from_plain(read["structure"])
    assert found.lattice.matrix == pytest.approx(LAYER.lattice.matrix)
    apart = found.frac_coords - LAYER.frac_coords
    assert apart == pytest.approx(apart.round(), abs=1e-6)


def test_what_is_said_to_be_bulk_stays_periodic(tmp_path: Path) -> None:
    write_extxyz([("mos2", to_plain(LAYER), {"dimension_claimed": 3})], tmp_path / "bulk.xyz", {})

    assert ase.io.read(tmp_path / "bulk.xyz").pbc.all()


def test_rows_of_an_ase_database_can_be_selected_by_their_values(tmp_path: Path) -> None:
    write_ase_database(described(), tmp_path / "all.db", {})

    with ase.db.connect(tmp_path / "all.db") as database:
        [row] = database.select("exfoliation_energy<0.1", status="promoted")
    assert row.exfolio_id == "two-dimensional/st-1"


@pytest.mark.filterwarnings("ignore:Issues encountered while parsing CIF")  # by pymatgen, of thirds
def test_an_archive_holds_a_crystal_each_and_an_index(tmp_path: Path) -> None:
    write_archive(described(), tmp_path / "all.zip", {})

    with ZipFile(tmp_path / "all.zip") as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("index.csv").decode())))
        first = Structure.from_str(archive.read(rows[0]["file"]).decode(), fmt="cif")
    assert [row["file"] for row in rows] == ["two-dimensional_st-1.cif", "x_alloy.cif"]
    assert rows[0]["exfoliation_energy"] == "0.08"
    assert (rows[0]["formula_reduced"], rows[0]["title"]) == ("MoTe2", "'=1+1")
    assert first.composition.formula == "Mo2 S4"


def test_an_archive_of_nothing_has_the_columns_all_the_same(tmp_path: Path) -> None:
    assert write_archive([], tmp_path / "none.zip", {}, columns=["band_gap", "band_gap_low"]) == 0

    with ZipFile(tmp_path / "none.zip") as archive:
        assert archive.read("index.csv").decode() == "id,file,band_gap,band_gap_low\n"
