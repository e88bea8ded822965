"""Each unit is converted to the same quantity in the unit of the registry, worked out from the constants of the SI."""

import pytest
from exfolio.builders.sources.records.raw_record import BadRecord
from exfolio.builders.sources.records.record_values import check_value
from exfolio.builders.sources.records.units import UNITS_OF_FIELD, UnitError, completed, conversion, field_of_header
from scipy.constants import Avogadro, elementary_charge

# Corundum Al2O3: its enthalpy of formation is -1675.7 kJ/mol (CRC Handbook), a formula has 5 atoms. Worked out by hand:
# -1675.7 / 96.4853 = -17.3674 eV per formula, -3.47348 per atom; 1 kcal is 4.184 kJ, 1 Ha 27.2114 eV, 2 Ry.
AL2O3 = {
    "kJ/mol": -1675.7,
    "kJ/mol/formula": -1675.7,
    "kJ/mol/atom": -335.14,
    "J/mol": -1675700.0,
    "J/mol/formula": -1675700.0,
    "J/mol/atom": -335140.0,
    "kcal/mol": -400.502,
    "kcal/mol/formula": -400.502,
    "kcal/mol/atom": -80.1004,
    "eV/formula": -17.3674,
    "eV/atom": -3.47348,
    "meV/formula": -17367.4,
    "meV/atom": -3473.48,
    "Ha/formula": -0.638240,
    "Ha/atom": -0.127648,
    "Ry/formula": -1.276480,
    "Ry/atom": -0.255296,
}
AL2O3_EV_PER_ATOM = -1675.7e3 / Avogadro / elementary_charge / 5
OTHERS = {
    ("band_gap", "eV"): (7.8, 7.8),
    ("band_gap", "meV"): (7800.0, 7.8),
    ("magnetization", "uB"): (5.0, 5.0),
    ("magnetization", "muB"): (5.0, 5.0),
    ("magnetization", "uB/cell"): (5.0, 5.0),
    ("magnetization", "muB/cell"): (5.0, 5.0),
}
PER_ATOM = -601.6e3 / Avogadro / elementary_charge / 2
OTHERS = {
    ("band_gap", "eV"): (7.8, 7.8),
    ("band_gap", "meV"): (7800.0, 7.8),
    ("magnetization", "uB"): (5.0, 5.0),
    ("magnetization", "muB"): (5.0, 5.0),
    ("magnetization", "uB/cell"): (5.0, 5.0),
    ("magnetization", "muB/cell"): (5.0, 5.0),
}
PER_ATOM = [field for field, (own, _) in UNITS_OF_FIELD.items() if own == "eV/atom"]


def converted(field: str, unit: str, value: float, *, atoms: int) -> float:
    how = conversion(field, unit)
    return value * how.factor / (atoms if how.per_formula else 1)


@pytest.mark.parametrize("unit", AL2O3)
def test_energies(unit: str) -> None:
    for field in PER_ATOM:
        assert converted(field, unit, AL2O3[unit], atoms=5) == pytest.approx(AL2O3_EV_PER_ATOM, rel=4e-6), field


@pytest.mark.parametrize(("field", "unit"), OTHERS)
def test_gaps_and_moments(field: str, unit: str) -> None:
    stated, expected = OTHERS[field, unit]
    assert converted(field, unit, stated, atoms=2) == pytest.approx(expected)


def test_no_unit_is_left_out() -> None:
    tested = {unit.lower() for unit in AL2O3} | {unit.lower() for _, unit in OTHERS}
    assert {unit for _, understood in UNITS_OF_FIELD.values() for unit in understood} == tested


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        ("eV per atom", "eV/atom"),
        ("meV_per_atom", "meV/atom"),
        ("EV/AT", "eV/atom"),
        ("kJ / mol", "kJ/mol"),
        ("meV/f.u.", "meV/formula"),
        ("eV per formula unit", "eV/formula"),
        ("kJ mol^-1", "kJ/mol"),
        ("kJ mol⁻¹ atom⁻¹", "kJ/mol/atom"),
        ("kJ/(mol atom)", "kJ/mol/atom"),
        ("kJ/mol of atoms", "kJ/mol/atom"),
        ("kJ/g-atom", "kJ/mol/atom"),
        ("Hartree per atom", "Ha/atom"),
    ],
)
def test_ways_of_writing(written: str, unit: str) -> None:
    assert conversion("formation_energy", written) == conversion("formation_energy", unit)
    assert conversion("magnetization", "μB per cell") == conversion("magnetization", "µB/cell")


@pytest.mark.parametrize(
    ("unit", "why"),
    [
        ("meV", "per atom or per formula"),
        ("meV/Å^2", "per area"),
        ("J/m2", "per area"),
        ("erg/atom", "not understood"),
        ("MeV/atom", "not understood"),
        ("eV/cell", "how many atoms"),
    ],
)
def test_what_leaves_something_open_is_refused(unit: str, why: str) -> None:
    with pytest.raises(UnitError, match=why):
        conversion("exfoliation_energy", unit)


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        ("exfoliation_energy_mev_per_atom", ("exfoliation_energy", "meV/atom")),
        ("formation_energy_kJ_per_mol", ("formation_energy", "kJ/mol")),
        ("Formation energy per atom (eV)", ("formation_energy", "eV/atom")),
        ("Band gap [meV]", ("band_gap", "meV")),
        ("formation_energy_per_fu_eV", ("formation_energy", "eV/formula")),
        ("formation_energy_per_mol (kJ)", ("formation_energy", "kJ/mol")),
        ("energy_per_atom (Ry)", ("energy_per_atom", "Ry/atom")),
        ("exfoliation_en", ("exfoliation_energy", "meV/atom")),  # matbench_jdft2d, as its description says
        ("formation_energy", ("formation_energy", None)),
        ("colour", None),
        ("formation_energy_per_mole (kJ)", ("formation_energy", "kJ/mol")),
        ("formation_energy_kJ_per_mole", ("formation_energy", "kJ/mol")),
        ("-formation_energy (eV/atom)", None),
        ("\N{MINUS SIGN}formation_energy (eV/atom)", None),
        ("|formation_energy| (eV/atom)", None),
        ("Δformation_energy (eV/atom)", None),
    ],
)
def test_headers(header: str, meant: tuple[str, str | None] | None) -> None:
    assert field_of_header(header) == meant


# What a header says in its name and in its unit, for alumina's -3.4735 eV/atom, whatever quantity it is of.
COMBINATIONS = {
    "_per_atom (kJ/mol)": -335.14,  # kJ in a mole of atoms: to be divided by the atoms once, not twice
    "_per_atom (kJ/mol/atom)": -335.14,
    "_per_atom (eV)": -3.47348,
    "_per_atom_meV": -3473.48,
    " per formula unit (eV)": -17.3674,
    "_per_formula (kJ/mol)": -1675.7,
    " (kJ/mol)": -1675.7,
    "_kcal_per_mol": -400.502,
    "_kJ_per_mol_atom": -335.14,
    " [eV/f.u.]": -17.3674,
    " / kJ mol-1": -1675.7,
    " / eV atom-1": -3.47348,
}
CONTRADICTIONS = (
    "_per_atom (eV/formula)",
    "_per_atom (kJ/mol/formula)",
    "_per_formula (eV/atom)",
    "_per_fu (kJ/mol/atom)",
)


@pytest.mark.parametrize(
    "field", ["formation_energy", "exfoliation_energy", "energy_above_hull", "decomposition_energy"]
)
def test_headers_mean_what_name_and_unit_say_together(field: str) -> None:
    for rest, stated in COMBINATIONS.items():
        meant = field_of_header(f"{field}{rest}")
        assert meant is not None
        assert meant[0] == field
        assert converted(field, str(meant[1]), stated, atoms=5) == pytest.approx(-3.47348, rel=4e-6), rest
    for rest in CONTRADICTIONS:
        _, unit = field_of_header(f"{field}{rest}") or ("", "")
        with pytest.raises(UnitError, match="contradicts itself"):
            conversion(field, str(unit))


def test_a_unit_that_is_given_for_a_column_is_per_what_its_name_says() -> None:
    assert completed("kJ/mol", "formation_energy_per_atom") == "kJ/mol/atom"
    assert completed("kJ/mol", "Heat of formation") == "kJ/mol"
    assert completed("kJ/mol", "formation_energy_kJ_per_mol") == "kJ/mol"
    assert completed("kJ/mol", "formation_energy_per_mol_atom") == "kJ/mol/atom"
    assert completed("eV/formula", "formation_energy_per_atom") == "eV/formula", "a person who states it knows"


@pytest.mark.parametrize(
    ("field", "value"),
    [("formation_energy", -8.0), ("formation_energy", -335.1), ("band_gap", 1230.0), ("exfoliation_energy", 81.0)],
)
def test_values_that_only_another_unit_explains_are_asked_about(field: str, value: float) -> None:
    with pytest.raises(BadRecord, match="is the unit right"):
        check_value(field, value)
    for known in {"formation_energy": (-4.61, 2.5), "band_gap": (0.0, 14.2), "exfoliation_energy": (-0.67, 2.73)}[
        field
    ]:
        assert check_value(field, known) == known
