"""Databases written by ASE itself are read: any with its keys mapped, C2DB with the keys it is known to have."""

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.sources.files.open_files import SourceFileError
from exfolio.builders.sources.kind_guess import guess_kind
from exfolio.builders.sources.readers.ase_database import AseDatabase, C2db
from exfolio.builders.sources.readers.reader import parse_many
from exfolio.builders.sources.records.raw_record import BadRecord, RawRecord
from exfolio.builders.sources.records.source_options import SourceOptionError
from exfolio.models.structure.vacuum import VACUUM

ase = pytest.importorskip("ase")
from ase import Atoms  # noqa: E402
from ase.build import bulk, mx2  # noqa: E402
from ase.calculators.singlepoint import SinglePointCalculator  # noqa: E402
from ase.db import connect  # noqa: E402

# Values of the kind C2DB gives for 2H-MoS2 and 1T-CdI2-type TiS2
MOS2 = {"uid": "1MoS2-1", "hform": -0.927, "ehull": 0.0, "gap": 1.58, "gap_hse": 2.09, "prototype": "MoS2"}
TIS2 = {"uid": "1TiS2-1", "hform": -1.38, "ehull": 0.004, "gap": 0.0, "spgnum": 164}


@pytest.fixture
def c2db(tmp_path: Path) -> Path:
    path = tmp_path / "c2db.db"
    layer = mx2("MoS2", a=3.18, thickness=3.13, vacuum=7.5)
    layer.calc = SinglePointCalculator(layer, energy=-21.6, magmom=0.0)
    with connect(path) as database:
        database.write(layer, key_value_pairs=MOS2, data={"asr": {"anything": [1, 2, 3]}})
        database.write(mx2("TiS2", kind="1T", a=3.41, thickness=2.84, vacuum=7.5), key_value_pairs=TIS2)
    return path


def documents(reader: Any) -> list[Any]:
    (path,) = reader.files()
    raws = list(reader.records(path))
    assert all(isinstance(raw, RawRecord) for raw in raws)
    return [result if isinstance(result, BadRecord) else result["materials"][0] for result in parse_many(reader, raws)]


def test_c2db(c2db: Path) -> None:
    mos2, tis2 = documents(C2db(paths=[c2db], source_version="2024"))

    assert mos2["material_id"] == "c2db:1MoS2-1"
    assert mos2["formula_reduced"] == "MoS2"
    assert (mos2["formation_energy"], mos2["energy_above_hull"], mos2["band_gap"]) == (-0.927, 0.0, 1.58)
    assert mos2["energy_per_atom"] == pytest.approx(-7.2)
    assert mos2["methods"]["band_gap"] == "PBE"
    assert (mos2["dimension_claimed"], mos2["prototype"]) == (2, "MoS2")
    assert mos2["extra"]["gap_hse"] == 2.09
    assert mos2["structure"]["lattice"]["matrix"][2][2] == pytest.approx(15 + 3.13)
    assert tis2["space_group"] == {"number": 164, "crystal_system": "trigonal"}
    assert tis2["band_gap"] == 0.0
    assert "energy_per_atom" not in tis2


def test_rows_are_recognised(c2db: Path, tmp_path: Path) -> None:
    assert guess_kind(c2db) == "c2db"
    with connect(tmp_path / "own.db") as database:
        database.write(bulk("Si"), mine=1)
    assert guess_kind(tmp_path / "own.db") == "ase"
    connect(tmp_path / "own.json", use_lock_file=False).write(bulk("Si"), mine=1)
    assert guess_kind(tmp_path / "own.json") == "ase"


@pytest.mark.parametrize("name", ["own.db", "own.json"])
def test_keys_are_mapped_with_their_units(tmp_path: Path, name: str) -> None:
    with connect(tmp_path / name, use_lock_file=False) as database:
        database.write(bulk("NaCl", "rocksalt", a=5.64), ef=-411.1, label="halite")
    fields = {"formation_energy": "ef:kJ/mol", "prototype": "label"}

    (salt,) = documents(AseDatabase(paths=[tmp_path / name], columns=fields, method="experiment", dimension=3))

    assert salt["formation_energy"] == pytest.approx(-411.1 / 96.485 / 2, rel=1e-4)
    assert salt["prototype"] == "halite"
    assert salt["methods"] == {"formation_energy": "experiment"}
    assert salt["source"] == "own"
    assert len(salt["source_id"]) == 32  # the unique id that ASE gives each row


def test_more_rows_than_are_read_at_once(tmp_path: Path) -> None:
    with connect(tmp_path / "many.db") as database:
        for i in range(1203):
            database.write(bulk("Cu", a=3.6), uid=f"cu-{i}")
        database.delete(list(range(600, 620)))
    reader = AseDatabase(paths=[tmp_path / "many.db"])

    ids = [raw.payload["key_value_pairs"]["uid"] for raw in reader.records(tmp_path / "many.db")]

    assert len(ids) == len(set(ids)) == 1183


def test_a_layer_without_third_vector_gets_one_and_a_molecule_is_refused(tmp_path: Path) -> None:
    layer = mx2("MoS2", a=3.18, thickness=3.13, vacuum=None)
    assert not layer.cell[2].any()
    with connect(tmp_path / "a.db") as database:
        database.write(layer, uid="layer")
        database.write(Atoms("CO", [[0, 0, 0], [0, 0, 1.1]]), uid="molecule")

    good, bad = documents(AseDatabase(paths=[tmp_path / "a.db"]))

    assert good["structure"]["lattice"]["matrix"][2] == pytest.approx([0, 0, 3.13 + VACUUM])
    assert isinstance(bad, BadRecord)
    assert "no crystal and no layer" in bad.reason


def test_rows_are_as_periodic_as_they_say(tmp_path: Path) -> None:
    stacked = mx2("MoS2", a=3.18, thickness=3.13, vacuum=None)
    stacked.cell[2] = [0.3, 0, 4.0]
    chain = Atoms("Se2", [[0, 0, 0], [1.0, 1.0, 2.2]], cell=[8, 8, 4.4], pbc=[False, False, True])
    boxed = Atoms("CO", [[0, 0, 0], [0, 0, 1.1]], cell=[4, 4, 4], pbc=False)
    with connect(tmp_path / "a.db") as database:
        database.write(stacked, uid="thin cell")
        database.write(bulk("Cu"), uid="crystal")
        database.write(chain, uid="chain")
        database.write(boxed, uid="molecule")

    layer, crystal, *refused = documents(AseDatabase(paths=[tmp_path / "a.db"]))

    assert layer["dimension_claimed"] == 2
    assert layer["structure"]["lattice"]["matrix"][2] == pytest.approx([0, 0, 3.13 + VACUUM])
    assert layer["structure"]["lattice"]["pbc"] == [True, True, True]
    assert "dimension_claimed" not in crystal
    assert ["chain" in refused[0].reason, "molecule" in refused[1].reason] == [True, True]
    contradicted, *_ = documents(AseDatabase(paths=[tmp_path / "a.db"], dimension=3))
    assert "3-dimensional" in contradicted.reason


def test_reading_changes_nothing(c2db: Path) -> None:
    before = c2db.read_bytes()
    documents(C2db(paths=[c2db]))
    assert c2db.read_bytes() == before
    assert [path.name for path in c2db.parent.iterdir()] == ["c2db.db"]


def test_what_is_no_database_of_ase_is_named(tmp_path: Path, c2db: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as other, other:
        other.execute("CREATE TABLE fish (name TEXT)")
    (tmp_path / "text.db").write_text("no database")
    (tmp_path / "packed.db.gz").write_bytes(gzip.compress(c2db.read_bytes()))
    for name, complaint in (
        ("other.db", "none of ASE"),
        ("text.db", "no ASE database"),
        ("packed.db.gz", "uncompress it first"),
    ):
        reader = AseDatabase(paths=[tmp_path / name])
        with pytest.raises(SourceFileError, match=complaint):
            list(reader.records(tmp_path / name))


def test_a_database_cut_short_is_named(c2db: Path) -> None:
    c2db.write_bytes(c2db.read_bytes()[:9000])
    with pytest.raises(SourceFileError, match="can't be read by SQLite"):
        list(C2db(paths=[c2db]).records(c2db))
    with pytest.raises(SourceFileError, match="can't be read by SQLite"):
        guess_kind(c2db)


def test_rows_after_a_damage_are_not_taken_for_retired(c2db: Path) -> None:
    with closing(sqlite3.connect(c2db)) as database, database:
        database.execute("UPDATE systems SET numbers = 'damaged' WHERE id = 2")
    first, rest = C2db(paths=[c2db]).records(c2db)
    assert isinstance(first, RawRecord)
    assert isinstance(rest, BadRecord)
    assert rest.rest_unread


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"formation_energy": "hform"}, "unit of formation_energy is not stated"),
        ({"formation_energy": "hform:eV"}, "per atom or per formula"),
        ({"colour": "c"}, "can't be 'colour'"),
    ],
)
def test_fields_that_cannot_be_meant(fields: dict[str, str], complaint: str) -> None:
    with pytest.raises(SourceOptionError, match=complaint):
        AseDatabase(paths=["a.db"], columns=fields)
