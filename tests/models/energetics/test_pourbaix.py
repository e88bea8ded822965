"""Decomposition in water of magnesium manganese oxides, against pymatgen's Pourbaix diagram."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from exfolio.models.energetics.ions import bundled_ions, ions_from_records
from exfolio.models.energetics.pourbaix import (
    NERNST,
    PourbaixEntry,
    PourbaixError,
    decomposition_energy,
    entries_with_ions,
    minimum_decomposition_energies,
    minimum_decomposition_energy,
    potential_vs_she,
    solid_entry,
)
from exfolio.models.energetics.pourbaix_entries import concentration_of
from pourbaix_pymatgen import to_pymatgen
from pymatgen.analysis.pourbaix_diagram import PourbaixDiagram

PH = np.linspace(0.0, 14.0, 57)


@pytest.fixture(scope="module")
def formation_energies(shared_data: Path) -> dict[str, float]:
    """Formation energies of all solids of H, Mg, Mn and O (Bartel et al. 2020), which the solver takes as they are."""
    table = pd.read_csv(shared_data / "critexam.csv.gz")
    table = table[table.formula.str.fullmatch("(?:(?:Mg|Mn|O|H)[0-9]+)+")]
    return dict(zip(table.formula, table.formation_energy_per_atom, strict=True)) | {"Mg": 0.0, "Mn": 0.0}


@pytest.fixture(scope="module")
def entries(shared_data: Path, formation_energies: dict[str, float]) -> list[PourbaixEntry]:
    """All these solids, and the ions of the Materials Project."""
    ions = ions_from_records(json.loads((shared_data / "aqueous_ions.json").read_text()))
    return entries_with_ions(formation_energies, ions, ["Mg", "Mn"])


@pytest.fixture(scope="module")
def spinel(formation_energies: dict[str, float]) -> PourbaixEntry:
    return solid_entry("MgMn2O4", formation_energies["Mg1Mn2O4"])


@pytest.mark.parametrize("filter_solids", [False, True])
@pytest.mark.parametrize("concentration", [1e-6, 1e-2])
def test_energies_equal_pymatgens_over_ph_and_potential(
    entries: list[PourbaixEntry], spinel: PourbaixEntry, filter_solids: bool, concentration: float
) -> None:
    diagram = PourbaixDiagram(
        to_pymatgen(entries),
        comp_dict={"Mg": 1 / 3, "Mn": 2 / 3},
        conc_dict={"Mg": concentration, "Mn": concentration},
        filter_solids=filter_solids,
    )
    (target,) = to_pymatgen([spinel])
    ph, potential = np.meshgrid(PH, np.linspace(-1.5, 2.5, 21))
    found = decomposition_energy(
        entries, spinel, ph, potential, concentration=concentration, filter_solids=filter_solids
    )
    np.testing.assert_allclose(found, diagram.get_decomposition_energy(target, ph, potential), rtol=0, atol=1e-9)


def test_the_spinel_has_its_least_decomposition_energy_at_an_anode_in_acid(
    entries: list[PourbaixEntry], spinel: PourbaixEntry
) -> None:
    minimum = minimum_decomposition_energy(entries, spinel)
    assert minimum.energy == pytest.approx(0.477, abs=5e-4)
    # The minimum is flat from pH 0 on, since protons and electrons are exchanged one for one along the line.
    assert minimum.ph == 0.0
    assert 1.0 < minimum.ph_high < 8.0
    assert minimum.potential_vs_she == 1.5
    assert {p.entry.name: p.amount for p in minimum.products} == pytest.approx({"H1Mn1O2(s)": 2.0, "H2Mg1O2(s)": 1.0})


def test_the_minimum_is_that_of_a_fine_grid_and_is_met_where_it_says(
    formation_energies: dict[str, float], entries: list[PourbaixEntry]
) -> None:
    targets = [
        solid_entry(formula, energy)
        for formula, energy in formation_energies.items()
        if all(element in formula for element in ("Mg", "Mn", "O"))
    ]
    assert len(targets) > 5
    grid = np.linspace(2.0, 12.0, 2001)
    for potential in (0.4, 1.5):
        minima = minimum_decomposition_energies(entries, targets, (2.0, 12.0), potential)
        for target, minimum in zip(targets, minima, strict=True):
            on_grid = decomposition_energy(entries, target, grid, potential_vs_she(potential, grid))
            assert minimum.energy == pytest.approx(on_grid.min(), abs=2e-4)
            assert minimum.energy <= on_grid.min() + 1e-9
            ends = np.array([minimum.ph, minimum.ph_high])
            np.testing.assert_allclose(
                decomposition_energy(entries, target, ends, potential_vs_she(potential, ends)),
                minimum.energy,
                atol=1e-9,
            )


def test_products_balance_the_metals_and_give_the_energy(entries: list[PourbaixEntry], spinel: PourbaixEntry) -> None:
    minimum = minimum_decomposition_energy(entries, spinel, (0.0, 14.0), 0.2)
    for element, amount in (("Mg", 1.0), ("Mn", 2.0)):
        assert sum(p.amount * p.entry.composition.get(element, 0.0) for p in minimum.products) == pytest.approx(amount)


@pytest.mark.parametrize(
    ("rival", "products"),
    [
        # MgMn2O4 + H2O -> MgMnO3 + MnO2 + 2 H+ + 2 e-
        ("MgMnO3", {"MgMnO3(s)": 1, "MnO2(s)": 1}),
        # MgMn2O4 + H2O -> 1/6 Mg6MnO8 + 11/6 MnO2 + 2 H+ + 2 e-
        ("Mg6MnO8", {"Mg6MnO8(s)": 1 / 6, "MnO2(s)": 11 / 6}),
        # Of what holds the metals as the spinel does, half and twice as many.
        ("Mg0.5MnO3", {"Mg0.5MnO3(s)": 2}),
        ("Mg2Mn4O12", {"Mg2Mn4O12(s)": 1 / 2}),
    ],
)
def test_products_of_several_metals_are_counted_as_in_a_chemical_equation(
    rival: str, products: dict[str, float]
) -> None:
    solids = [solid_entry("MnO2", -1.8), solid_entry(rival, -5.0)]
    minimum = minimum_decomposition_energy(solids, solid_entry("MgMn2O4", -2.0))
    assert {p.entry.name: p.amount for p in minimum.products} == pytest.approx(products)
    metal = [p.amount * sum(n for s, n in p.entry.composition.items() if s != "O") for p in minimum.products]
    assert metal == sorted(metal, reverse=True)


def test_the_energy_is_that_of_the_balanced_equation() -> None:
    """MgMn2O4 + H2O -> MgMnO3 + MnO2 + 2 H+ + 2 e-, the electrons at the potential, the protons at the pH."""
    spinel, ternary, oxide = (solid_entry(f, e) for f, e in (("MgMn2O4", -2.0), ("MgMnO3", -2.4), ("MnO2", -1.8)))
    # eV, Gibbs energy of formation of the liquid from the enthalpy and the entropies at 298.15 K, kJ/mol and J/(K mol):
    # J. D. Cox, D. D. Wagman, V. A. Medvedev, CODATA Key Values for Thermodynamics (1989).
    water = (-285.830 - 298.15 * (69.95 - 130.680 - 205.152 / 2) / 1000) / 96.485
    for ph, potential in ((0.0, 1.5), (7.0, 0.4), (14.0, 0.8)):
        gibbs = 5 * -2.4 + 3 * -1.8 - 7 * -2.0 - water - 2 * potential - 2 * 0.0591 * ph
        found = decomposition_energy([ternary, oxide], spinel, ph, potential)
        assert found == pytest.approx(-gibbs / 7, abs=5e-4)


def test_bundled_ions_give_nearly_what_those_of_the_materials_project_give(
    formation_energies: dict[str, float], entries: list[PourbaixEntry], spinel: PourbaixEntry
) -> None:
    bundled = entries_with_ions(formation_energies, bundled_ions(), ["Mg", "Mn"])
    potential = potential_vs_she(1.0, PH)
    ours = decomposition_energy(bundled, spinel, PH, potential)
    theirs = decomposition_energy(entries, spinel, PH, potential)
    np.testing.assert_allclose(ours, theirs, atol=0.01)


def test_a_dilute_ion_lowers_by_a_nernst_factor_a_decade(spinel: PourbaixEntry) -> None:
    only_ions = [
        PourbaixEntry("Mg[2+]", {"Mg": 1}, -4.71, 2, "ion"),
        PourbaixEntry("Mn2[4+]", {"Mn": 2}, -4.72, 4, "ion"),
    ]
    strong, weak = (decomposition_energy(only_ions, spinel, 3.0, 0.5, concentration=c) for c in (1e-3, 1e-4))
    assert (weak - strong) * 7 == pytest.approx(2 * NERNST)
    by_element = decomposition_energy(only_ions, spinel, 3.0, 0.5, concentration={"Mg": 1e-3, "Mn": 1e-4})
    assert (by_element - strong) * 7 == pytest.approx(NERNST)


def test_an_ion_of_several_atoms_has_its_share_of_the_dissolved_metal(spinel: PourbaixEntry) -> None:
    """1e-6 mol/l of manganese are 5e-7 mol/l of Mn2(4+); of an ion of two metals the single value is taken."""
    ion = PourbaixEntry("Mn2[4+]", {"Mn": 2}, -4.72, 4, "ion")
    mixed = PourbaixEntry("MgMnO4[2-]", {"Mg": 1, "Mn": 1, "O": 4}, -9.0, -2, "ion")
    assert concentration_of(ion, 1e-6) == pytest.approx(5e-7)
    assert concentration_of(ion, {"Mn": 1e-4}) == pytest.approx(5e-5)
    assert concentration_of(ion, {"Mg": 1e-4}) == pytest.approx(5e-7)
    assert concentration_of(mixed, 1e-4) == 1e-4
    assert concentration_of(mixed, {"Mg": 1e-4, "Mn": 1e-4}) == 1e-6
    assert concentration_of(spinel, 1e-4) == 1.0


def test_water_and_oxygen_among_the_entries_change_nothing(entries: list[PourbaixEntry], spinel: PourbaixEntry) -> None:
    wet = [solid_entry("H2O", -0.82), *entries, solid_entry("O2", 0.0)]
    assert minimum_decomposition_energy(wet, spinel) == minimum_decomposition_energy(entries, spinel)


def test_a_stable_solid_lies_below_its_rivals_only_when_it_is_not_one_of_them(
    entries: list[PourbaixEntry], formation_energies: dict[str, float]
) -> None:
    oxide = solid_entry("MnO2", formation_energies["Mn1O2"])
    dry = [entry for entry in entries if entry.phase == "ion" or "H" not in entry.composition]
    others = [entry for entry in dry if entry.name != "Mn1O2(s)"]
    assert minimum_decomposition_energy(dry, oxide, (4.0, 10.0), 1.3).energy == pytest.approx(0.0, abs=1e-9)
    assert minimum_decomposition_energy(others, oxide, (4.0, 10.0), 1.3).energy < -0.01


def test_what_makes_no_sense_is_refused(entries: list[PourbaixEntry], spinel: PourbaixEntry) -> None:
    with pytest.raises(PourbaixError, match=r"cannot make up MgMn2O4\(s\)"):
        minimum_decomposition_energy([e for e in entries if "Mg" not in e.elements], spinel)
    with pytest.raises(PourbaixError, match="nothing but hydrogen and oxygen"):
        minimum_decomposition_energy(entries, solid_entry("H2O", -0.8))
    with pytest.raises(PourbaixError, match="lowest and the highest pH"):
        minimum_decomposition_energy(entries, spinel, (14.0, 0.0))
    with pytest.raises(PourbaixError, match="must be above zero"):
        minimum_decomposition_energy(entries, spinel, concentration=0.0)
    with pytest.raises(PourbaixError, match="the energy is nan"):
        solid_entry("MgO", float("nan"))
    with pytest.raises(PourbaixError, match="ask about solids"):
        minimum_decomposition_energy(entries, next(e for e in entries if e.phase == "ion"))
