"""Runs as VASP writes them, and what becomes of them when one tag is another."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.calculations.vasp.crawl import Run
from exfolio.builders.calculations.vasp.guards import BadRun
from exfolio.builders.calculations.vasp.parse import parse_run
from made_vasprun import CORUNDUM, MadeRun, Step, bands

Parse = Callable[..., dict[str, Any]]
INSULATOR = (bands([0.0] * 46, [2.0] * 4), bands([0.0] * 46, [2.0] * 4))


@pytest.fixture
def parse(folder: Callable[..., Path]) -> Parse:
    """Write a run down and read it."""

    def read(**changes: Any) -> dict[str, Any]:
        made = MadeRun(**{"bands": INSULATOR, **changes})
        path = folder("run", made.xml())
        return parse_run(Run(path, "", path / "vasprun.xml"))

    return read


def test_a_run_as_materials_project_makes_it_is_usable_for_everything(parse: Parse) -> None:
    doc = parse()

    assert (doc["usable"], doc["unusable_because"]) == (True, [])
    assert doc["usable_for"] == ["energy", "exfoliation", "gap"]
    assert (doc["functional"], doc["task_type"], doc["charge"]) == ("GGA+U", "Structure Optimization", 0.0)
    assert (doc["energy"], doc["band_gap"]) == (-66.0, 2.0)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"NELECT": 66.0}, "it is charged by +2"),
        ({"LSORBIT": True, "LNONCOLLINEAR": True}, "LNONCOLLINEAR = .TRUE., LSORBIT = .TRUE."),
        ({"LSPIRAL": True}, "LSPIRAL = .TRUE."),
        ({"NUPDOWN": 20.0}, "NUPDOWN = 20"),
        ({"I_CONSTRAINED_M": 1}, "I_CONSTRAINED_M = 1"),
        ({"PSTRESS": 500.0}, "PSTRESS = 500"),
        ({"ML_LMLFF": True, "ML_MODE": "run"}, "ML_LMLFF = .TRUE., ML_MODE = run"),
        ({"IBRION": 5, "NSW": 1}, "'Phonons by finite differences' gives no energy"),
        ({"IBRION": 6, "NSW": 1}, "'Phonons by finite differences' gives no energy"),
        ({"IBRION": 7, "NSW": 1}, "'DFPT' gives no energy"),
        ({"IBRION": 8, "NSW": 0}, "'DFPT' gives no energy"),
        ({"IBRION": 44}, "'Dimer' gives no energy"),
        ({"IMAGES": 4}, "'Nudged Elastic Band' gives no energy"),
        ({"LSOL": True}, "LSOL = .TRUE."),
        ({"LSOL": True, "EB_K": 80.0}, "EB_K = 80, LSOL = .TRUE."),
        ({"EFIELD": 0.3}, "EFIELD = 0.3"),
        ({"EFIELD_PEAD": [0.0, 0.0, 0.1]}, "EFIELD_PEAD = 0 0 0.1"),
        ({"LMONO": True}, "LMONO = .TRUE."),
        ({"EPSILON": 80.0}, "EPSILON = 80"),
        ({"LDIPOL": True, "IDIPOL": 3}, "there is no vacuum along that axis"),
        ({"ENCUT": 200.0}, "ENCUT = 200 eV, an energy beside Materials Project's needs 520 eV"),
        ({"ENCUT": 400.0}, "ENCUT = 400 eV"),
        ({"ENCUT": None, "ENMAX": 400.0}, "ENCUT = 400 eV"),
        ({"PREC": "Low"}, "PREC = Low"),
        ({"PREC": "Single"}, "PREC = Single"),
        ({"EDIFF": 0.1}, "EDIFF = 0.1 eV for 10 atoms"),
        ({"EDIFFG": -0.5}, "EDIFFG = -0.5 eV/Å"),
        ({"ISMEAR": 0, "SIGMA": 1.0}, "SIGMA = 1 eV"),
        ({"ISMEAR": -1, "SIGMA": 0.5}, "SIGMA = 0.5 eV"),
        ({"ISMEAR": 0, "SIGMA": -0.05}, "SIGMA = -0.05 eV"),
        ({"ISMEAR": -2, "FERWE": [1.0, 1.0]}, "occupations are set by hand"),
        ({"ISPIN": 1}, "ISPIN = 1, and Fe may have moments"),
        ({"MAGMOM": [0.0] * 10}, "MAGMOM = 0 of every atom"),
        ({"LDAUTYPE": [1]}, "LDAUTYPE = 1"),
        ({"LDAUTYPE": [4]}, "LDAUTYPE = 4"),
        ({"LDAUL": [1, -1]}, "LDAUL = 1 of Fe, whose U of 5.3 eV is for l = 2"),
        ({"LDAUL": [-1, -1]}, "LDAUL = -1 of Fe"),
        ({"ALGO": "None", "IALGO": 2}, "not brought to self-consistency"),
        ({"ALGO": "Exact"}, "not brought to self-consistency"),
        ({"ALGO": "GW0"}, "'GW' gives no energy"),
        ({"IALGO": 90}, "IALGO = 90"),
        ({"IBRION": 0, "NSW": 2}, "'Molecular Dynamics' gives no energy"),
        ({"VCA": [0.5, 0.5]}, "VCA = 0.5 0.5"),
        ({"ICORELEVEL": 2}, "ICORELEVEL = 2"),
        ({"AGGAC": 0.0}, "the functional is no published one: GGA (AGGAC=0)+U"),
        ({"LDAUU": [5.3]}, "LDAUU and LDAUL have 1 and 2 values for 2 POTCARs"),
        ({"LDAUU": None}, "LDAUU and LDAUL have 0 and 2 values for 2 POTCARs"),
        ({"GGA": "BO"}, "the functional is no published one"),
        ({"LUSE_VDW": True, "GGA": "BO", "AGGAC": 1.0}, "the functional is no published one"),
        ({"LUSE_VDW": True, "GGA": "BO", "AGGAC": 0.0, "PARAM1": 0.18333, "PARAM2": 0.22, "IVDW": 12}, "twice"),
        ({"METAGGA": "R2SCAN", "LUSE_VDW": True, "BPARAM": 15.7}, "R2SCAN+rVV10 (BPARAM=15.7)"),
        ({"METAGGA": "SCAN", "LUSE_VDW": True}, "SCAN+rVV10 (BPARAM=6.3)"),
        ({"METAGGA": "R2SCAN", "LDAU": False, "LASPH": False}, "LASPH is off"),
        ({"IVDW": 12, "VDW_S8": 2.0}, "DFT-D3-BJ (VDW_S8=2)"),
        ({"NGX": 20}, "NGX = 20, the cut-off needs 31"),
        ({"NGZF": 40}, "NGZF = 40, the cut-off needs 61"),
        ({"ICHARG": 4}, "ICHARG = 4: potential or density are taken from elsewhere"),
        ({"ISTART": 2}, "ISTART = 2"),
        ({"EFERMI": 3.5}, "EFERMI = 3.5: the Fermi level is set by hand"),
        ({"ML_FF_LMLFF": True}, "ML_FF_LMLFF = .TRUE."),
        ({"ICHAIN": 2}, "ICHAIN = 2"),
        ({"LDIPOL": True, "IDIPOL": 4}, "there is no vacuum on all sides"),
        ({"IVDW": 20, "LVDW_EWALD": True}, "LVDW_EWALD = .TRUE."),
        ({"SYMPREC": 0.01}, "SYMPREC = 0.01, at most 0.001 is allowed"),
        ({"LREAL": "Auto", "ROPT": [-0.05, -5e-4]}, "ROPT = 0.05, at most 0.002 is allowed"),
        ({"METAGGA": "R2SCAN_C", "LASPH": True}, "no published one: METAGGA=R2SCAN_C"),
        ({"METAGGA": "R2SCAN", "LASPH": True, "IVDW": 12}, "its damping is not given"),
        ({"A_TAG_OF_TOMORROW": 3}, "A_TAG_OF_TOMORROW = 3: not among what may differ"),
    ],
)
def test_what_may_not_differ_makes_a_run_unusable_and_is_named(
    parse: Parse, tags: dict[str, object], reason: str
) -> None:
    doc = parse(tags=tags)

    assert doc["usable"] is False
    assert "energy" not in doc["usable_for"]
    assert any(reason in told for told in doc["unusable_because"]), doc["unusable_because"]


@pytest.mark.parametrize(
    "tags",
    [
        {"GGA": "PE"},
        {"GGA": "Pe ! as ever"},
        {"GGA": "--"},
        {"METAGGA": "--"},
        {"METAGGA": "None"},
        {"PREC": "A"},
        {"PREC": "Normal ! enough"},
        {"ISIF": 2},
        {"ISIF": 8},
        {"NSW": None, "IBRION": None},
        {"NSW": 0},
        {"IBRION": -1},
        {"ALGO": "N"},
        {"ALGO": "VeryFast # dense"},
        {"LREAL": False},
        {"LREAL": "A", "ROPT": [-2.5e-4, -2.5e-4]},
        {"LASPH": True},
        {"KPAR": 4, "NCORE": 8},
        {"ISMEAR": 0, "SIGMA": 0.05},
        {"ADDGRID": True, "SYMPREC": 1e-4, "ISYM": 0},
        {"SYMPREC": 1e-8, "ISYM": -1},
        {"SYMPREC": 1e-3},
        {"LMAXMIX": 4, "AMIX": 0.1, "BMIX": 1e-4},
        {"IVDW": 0},
        {"LDAUL": [2, -1]},
        {"LORBIT": 11, "LCHARG": True, "LAECHG": True, "LVACPOTAV": True},
        {"ML_LMLFF": False, "ML_MODE": "train", "LSOL": False, "EB_K": 80.0},  # switched off
        {"IBRION": 3, "POTIM": 0.0, "IOPT": 7, "ICHAIN": 0, "MAXMOVE": 0.2},  # an optimizer of VTST
        {"NGX": 40, "NGXF": 80},
        {"EFERMI": "MIDGAP", "ISTART": 1, "ICHARG": 1},
    ],
)
def test_what_may_differ_does(parse: Parse, tags: dict[str, object]) -> None:
    doc = parse(tags=tags)

    assert doc["unusable_because"] == []
    assert doc["functional"] == "GGA+U"


def test_an_incar_comment_is_no_part_of_a_functional(parse: Parse) -> None:
    doc = parse(tags={"METAGGA": "R2SCAN ! the mixing scheme's", "ENCUT": 680.0, "LDAU": False, "LASPH": True})

    assert (doc["functional"], doc["usable"]) == ("R2SCAN", True)
    assert doc["settings"]["METAGGA"] == "R2SCAN"


def test_potcars_of_lda_make_lda_and_are_named(parse: Parse) -> None:
    doc = parse(potcar="PAW", tags={"LDAU": False})

    assert (doc["functional"], doc["usable"]) == ("LDA", False)
    assert "POTCARs are not of PBE: PAW Fe_pv 06Sep2000, PAW O 06Sep2000" in doc["unusable_because"]


def test_u_has_to_be_one_for_all_atoms_of_an_element(parse: Parse) -> None:
    """A POSCAR that names iron twice has two POTCARs of it, and the second has no U here."""
    basis, elements, positions = CORUNDUM
    order = (0, 1, *range(4, 10), 2, 3)
    twice = (basis, [elements[i] for i in order], [positions[i] for i in order])
    tags = {"LDAUL": [2, -1, 2], "LDAUU": [5.3, 0.0, 0.0], "LDAUJ": [0.0, 0.0, 0.0]}

    reason = "U of Fe is 0 and 5.3 eV, by POTCAR: it has to be one"
    assert parse(crystal=twice, tags=tags)["unusable_because"] == [reason]
    assert parse(crystal=twice, tags={**tags, "LDAUU": [5.3, 0.0, 5.3]})["usable"]


def test_too_few_bands_are_named(parse: Parse) -> None:
    full = bands([0.0] * 38, [])
    doc = parse(bands=(full, full), tags={"NBANDS": 38})

    assert doc["unusable_because"] == ["NBANDS = 38: the highest band holds 1 electrons"]
    assert "band_gap" not in doc


def test_a_coarse_mesh_is_named(parse: Parse) -> None:
    assert parse(mesh=(3, 3, 3))["usable"]
    doc = parse(mesh=(1, 1, 1))

    assert doc["usable"] is False
    assert "k-points 1x1x1" in doc["unusable_because"][0]


def test_a_band_structure_serves_its_gap_alone(parse: Parse) -> None:
    doc = parse(tags={"ICHARG": 11, "NSW": 0})

    assert (doc["task_type"], doc["usable"], doc["usable_for"]) == ("NSCF Uniform", True, ["gap"])
    assert "gives no energy" in doc["unusable_for"]["energy"][0]


def test_a_density_that_is_kept_has_to_hold_what_u_acts_on_and_serves_no_hybrid(parse: Parse) -> None:
    kept = {"ICHARG": 11, "NSW": 0}

    assert parse(tags={**kept, "LMAXMIX": 4})["usable"]
    assert "LMAXMIX = 2: the density" in parse(tags={**kept, "LMAXMIX": 2})["unusable_because"][0]
    hybrid = parse(tags={**kept, "LHFCALC": True, "HFSCREEN": 0.2, "LDAU": False, "ALGO": "All"})
    assert hybrid["unusable_because"] == ["ICHARG = 11 keeps a density, and exact exchange is of orbitals"]


LINES = (
    '<generation param="listgenerated"><i name="divisions" type="int">2</i>'
    "<v>0.0 0.0 0.0</v><v>0.5 0.0 0.0</v></generation>"
)


@pytest.mark.parametrize(
    ("generation", "charge", "kind", "source", "uses"),
    [
        (LINES, 11, "NSCF Line", "lines", ["gap"]),
        (LINES, 2, "SCF Along Lines", "lines", []),  # KPOINTS of a band structure, and ICHARG was forgotten
        (None, 11, "NSCF Uniform", "mesh", ["gap"]),
    ],
)
def test_k_points_along_lines_are_told_from_a_mesh(
    parse: Parse, generation: str | None, charge: int, kind: str, source: str, uses: list[str]
) -> None:
    doc = parse(tags={"ICHARG": charge, "NSW": 0}, generation=generation)

    assert (doc["task_type"], doc["band_gap_from"], doc["usable_for"]) == (kind, source, uses)
    assert doc["kpoints"].get("grid") == (None if generation else [6, 6, 6])


def test_a_list_of_k_points_is_the_mesh_that_it_fills(parse: Parse) -> None:
    doc = parse(generation="")

    assert doc["kpoints"] == {"style": "reciprocal", "count": 2, "grid": [4, 1, 1]}
    assert "k-points 4x1x1: 1.17/Å apart" in doc["unusable_because"][0]


def test_numbers_too_large_for_their_place_are_not_passed_over(folder: Callable[..., Path]) -> None:
    """VASP writes stars for them."""

    def read(name: str, old: bytes, new: bytes) -> dict[str, Any]:
        path = folder(name, MadeRun(bands=INSULATOR).xml().replace(old, new))
        return parse_run(Run(path, "", path / "vasprun.xml"))

    forces = read("forces", b"<v>0.00100000", b"<v>**********")
    assert forces["unusable_because"] == ["the relaxation stopped before it converged: the last forces are not finite"]
    levels = read("levels", b"<r>2.00000000", b"<r>**********")
    assert levels["unusable_for"]["gap"] == ["some levels or occupations are not finite"]
    assert "band_gap" not in levels


@pytest.mark.parametrize(("old", "new", "read"), [(b"<c>O</c>", b"<c>X</c>", "Xe"), (b"Fe_pv", b"Co", "Fe")])
def test_atoms_of_another_element_than_their_potcar_are_refused(
    folder: Callable[..., Path], old: bytes, new: bytes, read: str
) -> None:
    path = folder("run", MadeRun(bands=INSULATOR).xml().replace(old, new))

    with pytest.raises(BadRun, match=f"atoms are read as {read}, and their POTCAR is PAW_PBE"):
        parse_run(Run(path, "", path / "vasprun.xml"))


@pytest.mark.parametrize("program", [b"DFTB+", b""])
def test_energies_of_other_programs_count_from_another_zero(folder: Callable[..., Path], program: bytes) -> None:
    named = MadeRun().xml().replace(b">vasp<", b">" + program + b"<")
    path = folder("run", named)

    with pytest.raises(BadRun, match=r"(?i)written by (DFTB\+|a program that does not say its name), not by VASP"):
        parse_run(Run(path, "", path / "vasprun.xml"))


def test_a_line_that_vasp_wrote_raw_is_named(folder: Callable[..., Path]) -> None:
    path = folder("run", MadeRun().xml().replace(b"<incar>", b"<incar><i name='SYSTEM'>Fe & O</i>"))

    with pytest.raises(BadRun, match="is not well-formed XML") as caught:
        parse_run(Run(path, "", path / "vasprun.xml"))

    assert "an & or < of SYSTEM" in caught.value.remedy


def test_a_potential_for_gaps_has_no_energy(parse: Parse) -> None:
    doc = parse(tags={"METAGGA": "MBJ", "LDAU": False, "LASPH": True})

    assert (doc["usable"], doc["usable_for"]) == (True, ["gap"])
    assert "METAGGA = MBJ is a potential without an energy" in doc["unusable_for"]["energy"]


def test_one_step_ended_by_a_stopcar_is_judged_by_its_forces(parse: Parse) -> None:
    """With EDIFFG > 0 the change of the energy decides, and one step has none."""
    assert not parse(tags={"EDIFFG": 0.005}, steps=[Step(-66.0, force=0.4)])["converged_ionic"]
    assert parse(tags={"EDIFFG": 0.005}, steps=[Step(-66.0, force=0.01)])["converged_ionic"]


def test_a_hybrid_is_used_for_its_gap_and_one_with_another_share_by_its_name(parse: Parse) -> None:
    hse = {"LHFCALC": True, "AEXX": 0.25, "HFSCREEN": 0.2, "LDAU": False, "ALGO": "Damped"}

    assert parse(tags=hse)["functional"] == "HSE06"
    doc = parse(tags={**hse, "AEXX": 0.5})
    assert (doc["functional"], doc["usable_for"]) == ("hybrid of PBE (AEXX=0.5, HFSCREEN=0.2)", ["gap"])
    assert doc["settings"]["AEXX"] == 0.5


def test_dispersion_that_vasp_5_does_not_name_is_found(parse: Parse) -> None:
    doc = parse(version="5.4.1", tags={"LDAU": False}, steps=[Step(-67.2, electronic=(-66.00001, -66.0))])

    assert doc["functional"] == "GGA+vdW-unsaid"
    assert doc["usable"] is False
    assert "its energy holds -1.2000 eV, such as dispersion" in doc["unusable_because"][0]
    named = parse(tags={"IVDW": 12, "LDAU": False}, steps=[Step(-67.2, electronic=(-66.00001, -66.0))])
    assert (named["functional"], named["usable"]) == ("GGA+vdW-DFT-D3-BJ", True)


def test_energies_of_vasp_5_are_those_of_its_free_energies(parse: Parse) -> None:
    steps = [Step(-65.0, entropy=0.02, stated_e_0=-0.02), Step(-66.0, entropy=0.02, stated_e_0=0.0)]
    doc = parse(version="5.2.2", steps=steps)

    assert doc["energy"] == pytest.approx(-65.99)
    assert doc["trajectory"]["first_energy"] == pytest.approx(-64.99)
    assert doc["trajectory"]["lowest_energy"] == pytest.approx(-65.99)


def test_a_relaxation_ended_by_a_stopcar_is_not_converged(parse: Parse) -> None:
    doc = parse(steps=[Step(-65.99), Step(-66.0, force=0.9)])

    assert (doc["converged_ionic"], doc["usable"]) == (False, False)
    assert "the largest force is 0.9 eV/Å, EDIFFG is -0.02 eV/Å" in doc["unusable_because"][0]


def test_forces_on_atoms_that_are_held_do_not_keep_a_relaxation_from_its_end(parse: Parse) -> None:
    steps = (Step(-66.0, force=0.9),)
    tags: dict[str, object] = {"ISIF": 2, "EDIFFG": -0.02}

    free, held = (parse(tags=tags, steps=steps, held=atoms) for atoms in ([0], range(10)))

    assert (free["converged"], held["converged"], held["usable"]) == (False, True, True)
    assert "atoms that were held in place still feel 0.9 eV/Å: the energy is not a minimum's" in held["warnings"]


def test_a_cell_that_grew_has_the_plane_waves_of_its_start(folder: Callable[..., Path]) -> None:
    smaller = MadeRun(bands=INSULATOR).xml().replace(b"4.33000000", b"2.80000000", 1)  # in the first structure
    path = folder("grown", smaller)
    doc = parse_run(Run(path, "", path / "vasprun.xml"))

    assert doc["trajectory"]["volume_change"] > 0.15
    assert any("a static run of its end is needed" in note for note in doc["warnings"])


def test_molecular_dynamics_are_no_relaxation_that_stopped(parse: Parse) -> None:
    doc = parse(tags={"IBRION": 0, "NSW": 2, "TEBEG": 300.0}, steps=[Step(-66.0, force=0.5), Step(-65.9, force=0.6)])

    assert (doc["task_type"], doc["converged"]) == ("Molecular Dynamics", True)
    assert not any("relaxation" in note for note in doc["warnings"])
    assert doc["unusable_because"] == ["a calculation of the kind 'Molecular Dynamics' gives no energy to compare"]


def test_warnings_of_other_libraries_are_data(parse: Parse, recwarn: pytest.WarningsRecorder) -> None:
    doc = parse(tags={"NELM": 2})

    assert (doc["converged_electronic"], doc["converged_ionic"]) == (False, True)
    assert len(recwarn) == 0
