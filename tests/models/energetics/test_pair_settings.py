"""Settings of a layer and its bulk: alike, or told apart with the reason."""

import pytest
from exfolio.models.energetics.pair_settings import differing_settings

ATOMS = (3.0, 6.0)
OPTB88 = {
    "ENCUT": 520.0,
    "PREC": "Accurate",
    "EDIFF": 1e-6,
    "ISMEAR": 0,
    "SIGMA": 0.05,
    "LREAL": False,
    "ISPIN": 2,
    "LUSE_VDW": True,
    "AGGAC": 0.0,
    "PARAM1": 0.1833333333,
    "PARAM2": 0.22,
    "POTCAR": ["Mo_pv", "S"],
}


@pytest.mark.parametrize(
    "changed",
    [
        {"ENCUT": 520.3},
        {"PREC": "A"},
        {"LREAL": ".FALSE."},
        {"PARAM1": 0.18333333},
        {"EDIFF": 5e-6},
        {"SIGMA": 0.055},
        {"NUPDOWN": -1},
        {"PSTRESS": 0.0},
        {"IVDW": 0},
        {"LSORBIT": False},
        {"HFSCREEN": 0.0},
        {"LDAUTYPE": 1},
        {"GGA_COMPAT": True, "ZAB_VDW": -0.8491, "AGGAX": 1.0, "ALDAX": 1.0},
        {"KPAR": 4, "LDIPOL": True},
    ],
    ids=str,
)
def test_what_means_the_same_is_alike(changed: dict[str, object]) -> None:
    assert differing_settings(OPTB88, OPTB88 | changed, ATOMS) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"ENCUT": 500.0},
        {"PREC": "Normal"},
        {"LREAL": "Auto"},
        {"PARAM1": 0.1234},
        {"AGGAC": 1.0},
        {"EDIFF": 1e-3},
        {"SIGMA": 0.2},
        {"ISMEAR": 1},
        {"NUPDOWN": 0},
        {"PSTRESS": 10.0},
        {"IVDW": 12},
        {"LSORBIT": True},
        {"ISPIN": 1},
        {"LASPH": True},
        {"AEXX": 0.25},
        {"HFSCREEN": 0.2},
        {"VDW_S6": 0.75},
        {"AGGAX": 0.75},
        {"ZAB_VDW": -1.8867},
        {"GGA_COMPAT": False},
        {"U(Mo)": 4.38},
        {"J(Mo)": 0.5},
        {"POTCAR": ["Mo_sv", "S"]},
    ],
    ids=str,
)
def test_what_changes_the_energy_is_told(changed: dict[str, object]) -> None:
    (told,) = differing_settings(OPTB88, OPTB88 | changed, ATOMS)
    assert told.startswith(f"{next(iter(changed))} differs: monolayer ")


def test_a_hybrid_takes_its_share_from_semilocal_exchange_by_itself() -> None:
    pbe0 = {"LHFCALC": True, "AEXX": 0.25}
    assert differing_settings(pbe0, pbe0 | {"AGGAX": 0.75, "ALDAX": 0.75}, ATOMS) == []


def test_a_hybrid_is_no_other_one() -> None:
    hse06 = {"LHFCALC": True, "AEXX": 0.25, "HFSCREEN": 0.2}
    assert differing_settings(hse06, hse06 | {"HFSCREEN": 0.207}, ATOMS) == [
        "HFSCREEN differs: monolayer 0.2, bulk 0.207"
    ]


def test_all_differences_are_told() -> None:
    bulk = OPTB88 | {"ISMEAR": -5, "ENCUT": 400.0, "U(Mo)": 4.38, "LDAUTYPE": 1}
    told = differing_settings(OPTB88, bulk, ATOMS)
    assert [text.partition(" ")[0] for text in told] == ["ENCUT", "ISMEAR", "LDAUTYPE", "U(Mo)"]
    assert "ISMEAR differs: monolayer 0 (Gaussian), bulk -5 (tetrahedra)" in told


def test_the_change_of_energy_is_looked_at_per_atom() -> None:
    """Materials Project's EDIFF: 5e-5 eV/atom, whatever the cell."""
    assert differing_settings({"EDIFF": 1.5e-4}, {"EDIFF": 3e-3}, (3, 60)) == []
    assert len(differing_settings({"EDIFF": 1e-6}, {"EDIFF": 3e-4}, (3, 6))) == 1
