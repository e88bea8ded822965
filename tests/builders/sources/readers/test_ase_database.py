"""Databases written by ASE itself are read: any with its keys mapped, C2DB with the keys it is known to have."""

import base64
import gzip
import random
import sqlite3
import zlib
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.sources.databases.c2db_database import C2db
from exfolio.builders.sources.databases.omat24 import Omat24
from exfolio.builders.sources.files.open_files import SourceFileError
from exfolio.builders.sources.kind_guess import guess_kind
from exfolio.builders.sources.readers.ase_database import AseDatabase
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


RECORDED_LMDB = """
c-
rmV3rrJt00!_Ylmb%Pf|iFtt=rJ?QnaAR!^u!V22)W{bSm;tz}cdL)B%DZI0Z!!q#_mP<_i^&i8dW54jp2F$wMUVM5fM(7LbS!oU`NA4LWfy!D
XA@uW2vW`#0&`HJ5z%U0Z@s(CB)sFKRhUB9y3f+!-
Asru?yl^pYW+)cZW!|9I7YUPmSX00000003a1kp?*blV3Ccla<Z`DDuA=b_oCg00000z<^Wa_9^iygdP#1olXnUj-kcS<UM#90uM1K){^m@dBM
>9TySud@zyIUAI15|YWUM<r$psw8>Kr*vRo2RJ#Lm!iyh90YYt>SJR{pTaa+^*aG|yP@g(Qfrg;&k97_u>ZBN!WoYUwa7~XpG=AChg6=(Std7%
-Ov~?=30Xt9Z*PJ)c@14|-
N2d=9IboG!;>%2JO`Lr|_~OO$nn>2wQGq9KmBf_SIcu&Le>O;WQnYSfkR3z!n~n4jujS3Rxn1fcEnHV`yCS){LEk)2Tiue)5!+hb$*EOa_NX~B
ZVkJ*^b6gEl};9cHJ7pu?_+wo^Xv3u8ue7qxBGEVuDG8)Axac5reWE)xueq$T{#eS?qb&M#3S#C+i7wgNlxxD>a9&Xw;kiBG`Izo`g)jOWcwy_
^nHD-3pw_;PPCH;e_2o@lxIBLofUSiO4~Sv!r5uDN;a}cq8lvQzd85m1+(|vJ*%F$P)l6OW+s*B51m{l!^aQcKVe5%%L1b)g0NI`JU-
0x&*w7%0Nyr5OB{kakBd6BI3mKpsqT6t5o}&YWRi4iF^dtubXvh~2E9_4qZ<>D&oXElTDZWqJ~H28h^ut3;hhKahvm%gM22Z$PgS#L9SsPrcsB
E>=U6Q-
o#@GW6)Y94<r?0nvz=EiscKG`*&0hDNe=$Jqs_^l_O8nJ(dxEa8m(^>u53GZ)r7lOKjmwk6zL2PJ9e=^XZt?q>B7NoYaG2dk2`$EU?OFg$6dmB
{^lZfJy-CFMoa#PC9K$@>XpxI*BhB`SX;j5fuoPB<*r1R@kyK7lETuY=CzE4`H_qAMR#ctM)D-
_x<zDC_qvVmShrbCTRXy4MCy(krtLvB;Y=Mb_l388suDDvP0s$Z$CRi3=moW`xuQZg`Q)}aIlm@;aAk0qU|xfRy@>OZd$EN2V<p8TIDV)rd#d>
K;@X?n%Y6+54we3&k8ZqbQ+M$zmZ5DllWF(#G+WYYc8@dnKF#fj$E+uzrP&9)V~?0Q3h$XQ(uVUaRu8JAbDNgd7p@&;s6HYzp7uilWmQ>t(~LH
Y2VDEHEqdPZ0W6!$<}Ht_Mcf3rmB^0A52=%9&Xoj3g&#Lho0b}1Y}1%J-m4~sZ5nibjK`YN>XPMx-O_-
v%ZKFCnPlEDd#*fAI#r|GVUzc%%aca(yfzTmGm|R`&8|I7AvpfLkU&3P2D@YHSa;kO_iUwch@fvUf~xk){|1C-
SN`|Z?w$YH6oRlKtls92C;$Ke001EW_nZH<y57AO;phLUe~7=|(m=npyo`hi+tmotHA05`kNp2{$^YbD`F{wJORuBn(mUtT|D*p0fNtpj0RZ|!
{}0Ij=>L)b|CtDC(6zNRe*d1l^6%#<<`v_}O3zbzrfN#l?*5-
o?d<>gRP_Jo{{a91005Bxk^hnZ|4$V(rC0tRLI~*%bRqhG^#1_R3;KTmfWFZG1N=S6|F6vd-F-
9i|0^S?qTg5kA3f#Y)o1jKQ!FPbjaToJ|6g|fKl*<hu>b%7007=B^#ADpk^lR@{{OG8>wn$z1HS<THP%r
"""
"""A file that ase_db_backends 0.11 wrote with lmdb 3.0 (LMDB 0.9.36), packed: a layer with ``sid`` as a key-value pair,
rock salt with it in ``data``, and a row that was deleted."""


def recorded_lmdb() -> bytes:
    return zlib.decompress(base64.b85decode("".join(RECORDED_LMDB.split())))


def test_rows_of_lmdb_are_read_without_a_library(tmp_path: Path) -> None:
    path = tmp_path / "val.aselmdb"
    path.write_bytes(recorded_lmdb())

    layer, salt = documents(AseDatabase(paths=[path], id_key="sid"))

    assert guess_kind(path) == "ase"
    assert (layer["material_id"], salt["source_id"]) == ("val:row-of-a-layer", "agm001-rattled-300")
    assert layer["energy_per_atom"] == pytest.approx(-21.6 / 3)
    assert (layer["dimension_claimed"], layer["extra"]["temperature"]) == (2, 300)
    assert salt["structure"]["lattice"]["matrix"][0] == pytest.approx([0.0, 2.82, 2.82])


def test_omat24(tmp_path: Path) -> None:
    path = tmp_path / "data.aselmdb"
    path.write_bytes(recorded_lmdb())

    layer, salt = documents(Omat24(paths=[path]))

    assert isinstance(layer, BadRecord)
    assert "said to be 3-dimensional" in layer.reason
    assert (salt["material_id"], salt["extra"]["license"]) == ("omat24:agm001-rattled-300", "CC BY 4.0")
    assert salt["methods"]["energy_per_atom"].startswith("PBE")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda whole: whole[: 2 * 4096], "it ends before byte"),
        (lambda whole: whole.replace(b"\x78\x9c", b"\x79\x9c"), "the row can't be read"),
        (lambda whole: whole[:20] + b"\x02" + whole[21:], "version 2 of LMDB's format"),
        (gzip.compress, "compressed"),
    ],
)
def test_a_damaged_lmdb_file_is_told(tmp_path: Path, damage: Any, reason: str) -> None:
    path = tmp_path / "val.aselmdb"
    path.write_bytes(damage(recorded_lmdb()))

    try:
        said = " ".join(str(record) for record in AseDatabase(paths=[path]).records(path))
    except SourceFileError as error:
        said = str(error)
    assert reason in said


@pytest.mark.parametrize("seed", range(20))
def test_no_damage_of_an_lmdb_file_is_more_than_bad_records(tmp_path: Path, seed: int) -> None:
    path, whole, rng = tmp_path / "val.aselmdb", bytearray(recorded_lmdb()), random.Random(seed)
    for _ in range(40):
        whole[rng.randrange(len(whole))] = rng.randrange(256)
    path.write_bytes(whole)

    with suppress(SourceFileError):
        for record in AseDatabase(paths=[path]).records(path):
            assert isinstance(record, RawRecord | BadRecord)
