"""Each unit is converted to the same quantity in the unit of the registry, worked out from the constants of the SI."""

import pytest
from exfolio.builders.sources.records.units import UNITS_OF_FIELD, UnitError, conversion, field_of_header
from scipy.constants import Avogadro, elementary_charge

# Rock salt MgO: its enthalpy of formation is -601.6 kJ/mol (CRC Handbook); a formula has 2 atoms.
MGO = {
    "kJ/mol": -601.6,
    "kJ/mol/atom": -300.8,
    "eV/formula": -6.23514,
    "meV/formula": -6235.14,
    "eV/atom": -3.11757,
    "meV/atom": -3117.57,
}
MGO_EV_PER_ATOM = -601.6e3 / Avogadro / elementary_charge / 2
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


@pytest.mark.parametrize("unit", MGO)
@pytest.mark.parametrize("field", PER_ATOM)
def test_energies(field: str, unit: str) -> None:
    assert converted(field, unit, MGO[unit], atoms=2) == pytest.approx(MGO_EV_PER_ATOM, rel=2e-6)


@pytest.mark.parametrize(("field", "unit"), OTHERS)
def test_gaps_and_moments(field: str, unit: str) -> None:
    stated, expected = OTHERS[field, unit]
    assert converted(field, unit, stated, atoms=2) == pytest.approx(expected)


def test_no_unit_is_left_out() -> None:
    tested = {unit.lower() for unit in MGO} | {unit.lower() for _, unit in OTHERS}
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
    ],
)
def test_ways_of_writing(written: str, unit: str) -> None:
    assert conversion("formation_energy", written) == conversion("formation_energy", unit)
    assert conversion("magnetization", "μB per cell") == conversion("magnetization", "µB/cell")


@pytest.mark.parametrize(
    ("unit", "why"),
    [("meV", "per atom or per formula"), ("meV/Å^2", "per area"), ("J/m2", "per area"), ("Ry/atom", "not understood")],
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
        ("exfoliation_en", ("exfoliation_energy", "meV/atom")),  # matbench_jdft2d, as its description says
        ("formation_energy", ("formation_energy", None)),
        ("colour", None),
    ],
)
def test_headers(header: str, meant: tuple[str, str | None] | None) -> None:
    assert field_of_header(header) == meant
