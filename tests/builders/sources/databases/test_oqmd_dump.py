"""OQMD's dump is read without MySQL: tables as mysqldump writes them, with rows of the perovskite CaTiO3 in OQMD."""

import gzip
from typing import Any

import pytest
from exfolio.builders.sources.databases.oqmd_dump import OqmdDump
from exfolio.builders.sources.files.open_files import SourceFileError
from exfolio.builders.sources.kind_guess import guess_kind

COLUMNS = {
    "atoms": "id structure_id site_id element_id ox x y z fx fy fz magmom charge volume occupancy wyckoff_id",
    "calculations": "id configuration label entry_id path composition_id natoms input_id settings output_id energy "
    "energy_pa magmom magmom_pa dos_id band_gap irreducible_kpoints attempt nsteps converged runtime",
    "entries": "id path label duplicate_of_id delta_e stability composition_id reference_id prototype_id ntypes natoms",
    "formation_energies": "id composition_id entry_id calculation_id description fit_id stability delta_e",
    "spacegroups": "number hm hall schoenflies lattice_system centrosymmetric",
    "structures": "id entry_id reference_id label prototype_id measured composition_id natoms nsites ntypes x1 x2 x3 "
    "y1 y2 y3 z1 z2 z3 sxx syy szz sxy syz szx spacegroup_id energy energy_pa magmom magmom_pa delta_e meta_stability "
    "fit_id volume volume_pa coords",
}
ROWS = {
    "atoms": "(1037871,81278,1,'Ca',NULL,0.5,0.5,0.5,0,0,0,0,6.688,NULL,1,NULL),"
    "(1037872,81278,2,'O',NULL,0.5,0,0,0,0,0,0,4.951,NULL,1,NULL),"
    "(1037873,81278,3,'O',NULL,0,0.5,0,0,0,0,0,5.109,NULL,1,NULL),"
    "(1037874,81278,4,'O',NULL,0,0,0.5,0,0,0,0,5.3,NULL,1,NULL),"
    "(1037875,81278,5,'Ti',NULL,0,0,0,0,0,0,0,4.708,NULL,1,NULL)",
    "calculations": r"(51715,NULL,'fine_relax',6126,'/oqmd/libraries/icsd/31865/fine_relax','Ca1 O3 Ti1',5,81274,"
    r"'{\'encut\': 400.0, \'potentials\': [{\'xc\': \'PBE\', \'name\': \'Ca_pv\'}]}',81278,-39.5,-7.9,NULL,NULL,NULL,"
    r"2.3,NULL,0,5,0,433.07),(51716,NULL,'other',6126,'','Ca1 O3 Ti1',5,81274,'{}',NULL,-39,-7.8,NULL,NULL,NULL,NULL,"
    r"NULL,0,5,0,433.07)",
    "entries": "(6126,'/oqmd/libraries/icsd/31865','icsd-31865',6126,-3.3,NULL,'Ca1 O3 Ti1',4524,'CaTiO3',3,5),"
    "(6127,'/oqmd/libraries/icsd/1','icsd-1',6127,NULL,NULL,'Na1 Cl1',4524,NULL,2,2)",
    "formation_energies": "(2,'Ca1 O3 Ti1',6126,51716,NULL,'standard',0.02,-3.30),"
    "(1,'Ca1 O3 Ti1',6126,51715,NULL,'standard',0.0,-3.32),(3,'Ca1 O3 Ti1',6126,51715,NULL,'wolverton',0.0,-3.5)",
    "spacegroups": "(221,'Pm-3m','-P 4 2 3','Oh^1','Cubic',0)",
    "structures": "(81278,6126,NULL,'fine_relax',NULL,0,'Ca1 O3 Ti1',5,5,3,3.838980481,0,0,0,3.838980481,0,0,0,"
    "3.838980481,0.02,0.02,0.02,0,0,0,221,NULL,NULL,NULL,NULL,NULL,NULL,NULL,56.578,11.3156,NULL)",
}


def dump(**changed: str) -> bytes:
    parts = ["-- MySQL dump 10.13  Distrib 8.0.34, for Win64 (x86_64)"]
    for table, columns in COLUMNS.items():
        parts += [f"CREATE TABLE `{table}` (", *(f"  `{name}` int," for name in columns.split())]
        parts += ["  PRIMARY KEY (`id`)", ") ENGINE=InnoDB;", f"LOCK TABLES `{table}` WRITE;"]
        if rows := changed.get(table, ROWS[table]):
            parts.append(f"INSERT INTO `{table}` VALUES {rows};")
    return "\n".join([*parts, "-- Dump completed on 2026-01-01", ""]).encode()


def test_each_entry_with_its_lowest_energy_and_the_structure_of_that(write: Any, read: Any) -> None:
    path = write("qmdb__v1_5.sql.gz", gzip.compress(dump()))

    reading = read(OqmdDump(paths=path, source_version="1.5"))

    assert guess_kind(path) == "oqmd-dump"
    [titanate] = reading.materials
    assert (titanate["material_id"], titanate["formula_reduced"]) == ("oqmd:6126", "CaTiO3")
    assert [titanate[name] for name in ("formation_energy", "energy_above_hull", "band_gap")] == [-3.32, 0.0, 2.3]
    assert titanate["structure"]["lattice"]["matrix"][0] == [3.838980481, 0.0, 0.0]
    assert (titanate["nsites"], titanate["space_group"]["number"], titanate["prototype"]) == (5, 221, "CaTiO3")
    assert (titanate["extra"]["icsd_id"], titanate["extra"]["license"]) == (31865, "CC BY 4.0")
    assert (reading.bad, titanate["source_version"]) == ([], "1.5"), "an entry without formation energy is no record"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"structures": ROWS["structures"].replace("56.578", "66.578")}, "the volume is stated as 66.58 Å^3"),
        ({"atoms": ROWS["atoms"].replace("4.708,NULL,1,", "4.708,NULL,0.5,")}, "partly occupied"),
        ({"atoms": ROWS["atoms"].rpartition(",(")[0]}, "the formula is Ca1O3Ti1, the structure is CaO3"),
    ],
)
def test_what_a_dump_states_has_to_agree(write: Any, read: Any, changed: dict[str, str], reason: str) -> None:
    [bad] = read(OqmdDump(paths=write("dump.sql", dump(**changed)))).bad

    assert reason in bad.reason


def test_of_a_dump_that_breaks_off_nothing_counts(write: Any, read: Any) -> None:
    # Given one cut within the last table, so that energies are known and structures are not
    reading = read(OqmdDump(paths=write("cut.sql", dump()[:-120])))

    assert (reading.materials, reading.bad[0].rest_unread) == ([], True)
    # and one cut between two statements, whose atoms and structures are there for no entry
    between = read(OqmdDump(paths=write("between.sql", dump().partition(b"CREATE TABLE `spacegroups`")[0])))
    assert (between.materials, between.bad[0].reason) == ([], "the dump has no end")
    with pytest.raises(SourceFileError, match="holds no formation energies"):
        read(OqmdDump(paths=write("none.sql", dump(formation_energies=""))))
