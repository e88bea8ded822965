"""Intervals of decomposition energies in water: each cause counted once, and what two phases share not at all."""

from collections.abc import Mapping

import pytest
from exfolio.models.energetics.ions import bundled_ions, ions_of
from exfolio.models.energetics.pourbaix import entries_with_ions, minimum_decomposition_energy, solid_entry
from exfolio.models.energetics.pourbaix_interval import Uncertainties, Uncertainty

WATER = -285.83 / 96.485 / 3
"""eV/atom, measured enthalpy of formation."""
# eV/atom: Gibbs energies of formation from the NBS tables (1982), Mg2MnO4 made up.
SOLIDS = {"Mg": 0.0, "Mn": 0.0, "MgO": -2.951, "MnO": -1.881, "MnO2": -1.607, "Mg(OH)2": -1.727, "Mg2MnO4": -2.0}


def uncertainty(formula: str, *, water: float | None = WATER, measured: bool = True) -> Uncertainty:
    ions = ions_of(bundled_ions(), ["Mg", "Mn"])
    target = solid_entry(formula, SOLIDS[formula])
    minimum = minimum_decomposition_energy(entries_with_ions(SOLIDS, ions, target.elements), target)
    return Uncertainties(SOLIDS, ions, water=water, measured=measured).of(target, minimum)


def causes(found: Uncertainty) -> Mapping[str, float]:
    return {cause: round(width, 4) for cause, width in found.by_cause.items()}


def test_an_estimated_entropy_is_wider_than_tabulated_ones() -> None:
    found = uncertainty("Mg2MnO4")  # no table has it; it becomes Mg(OH)2 and MnO4-, which rests on MnO2

    tabulated = 0.0259 * 5**0.5 / 7  # of two Mg(OH)2 and one MnO2, per atom
    assert causes(found) == {
        "entropies of solids": pytest.approx((0.031**2 + tabulated**2) ** 0.5, abs=1e-4),
        "data of ions": pytest.approx(0.063 / 7, abs=1e-4),
    }
    assert found.half_width == pytest.approx(sum(width**2 for width in found.by_cause.values()) ** 0.5)


def test_hydrogen_of_computed_hydroxides_counts_by_the_error_in_water() -> None:
    measured, computed = uncertainty("MgO"), uncertainty("MgO", water=WATER - 0.3, measured=False)
    unknown = uncertainty("MgO", water=None, measured=False)

    assert "hydrogen bound to oxygen" not in measured.by_cause
    # 0.45 eV/H in water, a quarter of it for each of the two of Mg(OH)2 with weight 0.75, per atom of MgO
    assert computed.by_cause["hydrogen bound to oxygen"] == pytest.approx(0.45 * 0.25 * 2 * 0.75 / 2)
    assert unknown.by_cause["hydrogen bound to oxygen"] == pytest.approx(0.605 * 2 * 0.75 / 2)


def test_an_ion_takes_over_what_is_uncertain_in_its_reference_solid() -> None:
    ions = ions_of(bundled_ions(), ["Mn"])
    target = solid_entry("MnO", SOLIDS["MnO"])
    dissolved = [entry for entry in entries_with_ions(SOLIDS, ions, ["Mn"]) if entry.name == "MnO4[-]"]
    minimum = minimum_decomposition_energy(dissolved, target)

    found = Uncertainties(SOLIDS, ions, water=WATER, measured=True).of(target, minimum)

    # MnO4- rests on MnO2, so that the tabulated entropies of MnO and MnO2 are in its energy
    assert causes(found) == {
        "data of ions": pytest.approx(0.063 / 2, abs=1e-4),
        "entropies of solids": pytest.approx(0.0259 * 2**0.5 / 2, abs=1e-4),
    }
