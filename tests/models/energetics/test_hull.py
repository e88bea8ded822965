"""Hulls of real compounds, against published decomposition energies and against pymatgen."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from exfolio.models.composition.formula.single_formula import FormulaError
from exfolio.models.energetics.hull import (
    EnergyError,
    Entry,
    MissingReferenceError,
    MixedMethodsError,
    decomposition_energies,
    energy_above_hull,
    hull_positions,
)
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition


@pytest.fixture(scope="module")
def bartel(shared_data: Path) -> pd.DataFrame:
    """Compositions of the Materials Project with published decomposition energies (Bartel et al. 2020)."""
    return pd.read_csv(shared_data / "critexam.csv.gz")


@pytest.fixture(scope="module")
def lithium_iron_phosphates(shared_data: Path) -> list[PDEntry]:
    """All 943 Materials Project entries of Fe-Li-O-P, corrected energies."""
    with gzip.open(shared_data / "mp_entries_Fe-Li-O-P.json.gz", "rt") as file:
        raw = json.load(file)
    return [
        PDEntry(Composition(entry["composition"]), entry["energy"] + entry["correction"], name=entry["entry_id"])
        for entry in raw
    ]


def as_entries(entries: list[PDEntry]) -> list[Entry]:
    return [Entry(e.composition.get_el_amt_dict(), e.energy_per_atom, e.name) for e in entries]


def only(frame: pd.DataFrame, elements: str) -> pd.DataFrame:
    return frame[frame.formula.str.fullmatch(f"(?:(?:{elements})[0-9]+)+")].reset_index(drop=True)


def test_magnesium_manganese_oxides_decompose_as_published(bartel: pd.DataFrame) -> None:
    system = only(bartel, "Mg|Mn|O")
    found = dict(
        zip(system.formula, decomposition_energies(system.formula, system.formation_energy_per_atom), strict=True)
    )
    assert found["Mg1Mn2O4"] == pytest.approx(-0.0098, abs=5e-5)
    assert found["Mg1Mn1O3"] == pytest.approx(-0.0101, abs=5e-5)
    assert found["Mg1Mn4O8"] == pytest.approx(0.0369, abs=5e-5)
    assert found["Mg1O1"] == pytest.approx(-1.5508, abs=5e-5)
    assert found["Mg6Mn1O8"] == pytest.approx(-0.0245, abs=5e-5)


def test_published_decomposition_energies_of_eleven_elements(bartel: pd.DataFrame) -> None:
    system = only(bartel, "Li|O|Mn|Fe|P|V|F|Mg|Co|Ni|S")
    assert len(system) > 2500
    found = decomposition_energies(system.formula, system.formation_energy_per_atom)
    published = system.decomposition_energy_per_atom
    error = (found - published)[published.notna()]
    assert (error.abs() <= 0.0015).mean() >= 0.99
    # The published minimisation stops early now and then, so it can only miss products, never find cheaper ones.
    assert error.min() > -1e-6


@pytest.mark.parametrize("elements", ["Ag|Pd|Pt", "Fe|Cu|O|S", "B|C|Co|Y|O"])
def test_energies_equal_pymatgens_phase_separation_energies(bartel: pd.DataFrame, elements: str) -> None:
    system = only(bartel, elements)
    compositions = [Composition(formula) for formula in system.formula]
    entries = [PDEntry(c, e * c.num_atoms) for c, e in zip(compositions, system.formation_energy_per_atom, strict=True)]
    diagram = PhaseDiagram([*entries, *(PDEntry(Composition(e), 0.0) for e in elements.split("|"))])
    expected = [diagram.get_phase_separation_energy(entry) for entry in entries]
    found = decomposition_energies(system.formula, system.formation_energy_per_atom)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7)


def test_polymorphs_are_compared_with_other_compositions_only() -> None:
    formulas = ["TiO2", "Ti2O4", "Ti2O3", "TiO"]
    found = decomposition_energies(formulas, [-3.5, -3.4, -3.2, -2.8])
    assert found[1] - found[0] == pytest.approx(0.1)
    # Ti2O3 is measured against the lower of the two, whichever comes first.
    swapped = decomposition_energies(["Ti2O4", "TiO2", "Ti2O3", "TiO"], [-3.4, -3.5, -3.2, -2.8])
    np.testing.assert_allclose(swapped, found[[1, 0, 2, 3]])


def test_the_order_of_formulas_and_of_elements_in_them_changes_nothing(bartel: pd.DataFrame) -> None:
    system = only(bartel, "Fe|Li|O|P")
    expected = decomposition_energies(system.formula, system.formation_energy_per_atom)
    mixed = system.sample(frac=1.0, random_state=7)
    found = decomposition_energies(mixed.formula.to_list(), mixed.formation_energy_per_atom)
    np.testing.assert_allclose(found, expected[mixed.index], rtol=0, atol=1e-10)
    other_way = [Composition(formula).reduced_formula for formula in system.formula]
    np.testing.assert_allclose(
        decomposition_energies(other_way, system.formation_energy_per_atom), expected, rtol=0, atol=1e-10
    )


def test_the_products_of_a_decomposition_have_its_composition_and_energy(bartel: pd.DataFrame) -> None:
    system = only(bartel, "Mg|Mn|O")
    energies = dict(zip(system.formula, system.formation_energy_per_atom, strict=True))
    phases = [Entry({symbol: 1.0}, 0.0, symbol) for symbol in ("Mg", "Mn", "O")]
    phases += [Entry(Composition(formula).get_el_amt_dict(), energy, formula) for formula, energy in energies.items()]
    for phase in phases[3:]:
        (position,) = hull_positions([phase], [other for other in phases if other is not phase])
        formula = phase.name
        atoms = sum((Composition(p.name).fractional_composition * p.amount for p in position.products), Composition({}))
        assert atoms.almost_equals(Composition(formula).fractional_composition, atol=1e-7)
        mixture = sum(energies.get(p.name, 0.0) * p.amount for p in position.products)
        assert energies[formula] - mixture == pytest.approx(position.energy, abs=1e-7)
        assert formula not in {p.name for p in position.products}


def test_an_element_is_compared_with_its_reference_state() -> None:
    found = decomposition_energies(["Sn", "Sn", "SnO2"], [0.0, 0.04, -2.0])
    np.testing.assert_allclose(found, [0.0, 0.04, -2.0])
    assert decomposition_energies([], []).shape == (0,)


def test_an_element_listed_above_its_reference_state_lends_its_energy_to_nothing() -> None:
    # Grey tin is the reference; white tin lies above it, and a lower tin would take its place.
    above = decomposition_energies(["Sn", "SnO2"], [0.04, -2.0])
    below = decomposition_energies(["Sn", "SnO2"], [-0.03, -2.0])
    np.testing.assert_allclose(above, [0.04, -2.0])
    assert below[1] == pytest.approx(-2.0 + 0.03 / 3)


def test_hull_distances_of_943_entries_equal_pymatgens(lithium_iron_phosphates: list[PDEntry]) -> None:
    diagram = PhaseDiagram(lithium_iron_phosphates)
    expected = [diagram.get_e_above_hull(entry) for entry in lithium_iron_phosphates]
    entries = as_entries(lithium_iron_phosphates)
    found = energy_above_hull(entries, entries)
    assert len(found) == 943
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_triphylite_left_out_lies_below_the_known_hull(lithium_iron_phosphates: list[PDEntry]) -> None:
    entries = as_entries(lithium_iron_phosphates)
    is_ours = [entry.composition.reduced_formula == "LiFePO4" for entry in lithium_iron_phosphates]
    ours = sorted((e for e, x in zip(entries, is_ours, strict=True) if x), key=lambda e: e.energy_per_atom)
    known = [e for e, x in zip(entries, is_ours, strict=True) if not x]
    assert len(ours) == 68

    against_all = energy_above_hull(ours, known, against="known and ours")
    np.testing.assert_allclose(against_all[:3], [0.0, 0.0082, 0.0105], atol=5e-5)
    against_known = energy_above_hull(ours, known)
    assert against_known[0] < -0.009
    np.testing.assert_allclose(against_known - against_known[0], against_all - against_all[0], atol=1e-9)
    assert energy_above_hull(ours, known, allow_negative=False)[0] == 0.0


def test_competing_phases_are_named_with_their_amounts(lithium_iron_phosphates: list[PDEntry]) -> None:
    entries = as_entries(lithium_iron_phosphates)
    by_id = dict(zip((e.name for e in lithium_iron_phosphates), lithium_iron_phosphates, strict=True))
    unstable = next(e for e in entries if by_id[e.entry_id].composition.reduced_formula == "Li2FeP2O7")
    (position,) = hull_positions([unstable], entries)
    diagram = PhaseDiagram(lithium_iron_phosphates)
    decomposition, distance = diagram.get_decomp_and_e_above_hull(by_id[unstable.entry_id])
    assert position.energy == pytest.approx(distance, abs=1e-9)
    expected = {entry.name: amount for entry, amount in decomposition.items() if amount > 1e-8}
    assert {p.name: p.amount for p in position.products} == pytest.approx(expected, abs=1e-7)
    assert all(entries[p.phase].entry_id == p.name for p in position.products)


def test_of_polymorphs_the_lowest_competes_and_the_largest_share_comes_first() -> None:
    references = [
        Entry("Mg", -1.50, "hcp"),
        Entry("Mg", -1.45, "bcc"),
        Entry("O2", -4.90, "alpha"),
        Entry("O2", -4.95, "gamma"),
        Entry("O2", -4.85, "beta"),
        Entry("MgO", -6.10, "wurtzite"),
        Entry("MgO", -6.20, "rocksalt"),
    ]
    (oxygen_rich, magnesium_rich) = hull_positions([Entry("MgO4", -5.4), Entry("Mg5O", -2.2)], references)
    # MgO4 -> MgO + 3/2 O2, Mg5O -> MgO + 4 Mg: two of five atoms, two of six.
    assert [(p.name, p.amount) for p in oxygen_rich.products] == [
        ("gamma", pytest.approx(3 / 5)),
        ("rocksalt", pytest.approx(2 / 5)),
    ]
    assert [(p.name, p.amount) for p in magnesium_rich.products] == [
        ("hcp", pytest.approx(4 / 6)),
        ("rocksalt", pytest.approx(2 / 6)),
    ]
    assert oxygen_rich.energy == pytest.approx(-5.4 + (2 * 6.20 + 3 * 4.95) / 5)


def test_references_of_other_systems_and_their_missing_elements_do_not_matter() -> None:
    references = [Entry("Mg", -1.5), Entry("O2", -4.9), Entry("MgO", -6.2)]
    unrelated = [Entry("NaCl", -3.4), Entry("MgCl2", -3.8)]
    asked = [Entry("MgO2", -5.0)]
    assert energy_above_hull(asked, [*references, *unrelated]) == pytest.approx(energy_above_hull(asked, references))


def test_a_composition_of_very_many_elements_is_no_trouble() -> None:
    metals = "ScTiVCrMnFeCoNiCuZnYZrNbMoRuRhPdAgCdHfTaWReOsIrPtAuAlGaInSnSbPbBiGeSi"
    found = decomposition_energies([metals, "TiNi", "NbMo"], [-0.02, -0.4, -0.1])
    # Two of 36 atoms in TiNi, two in NbMo.
    assert found[0] == pytest.approx(-0.02 + (0.4 + 0.1) * 2 / 36)


def test_a_missing_element_is_named() -> None:
    with pytest.raises(MissingReferenceError, match="no reference energy for Mn"):
        energy_above_hull([Entry("MgMnO3", -7.0)], [Entry("Mg", -1.5), Entry("O", -4.9)])


@pytest.mark.parametrize("energy", [float("nan"), float("inf")])
def test_energies_that_are_no_numbers_are_refused_with_their_formula(energy: float) -> None:
    with pytest.raises(EnergyError, match="'MnO'"):
        decomposition_energies(["MgO", "MnO"], [-3.0, energy])


def test_other_bad_input_is_refused() -> None:
    with pytest.raises(EnergyError, match="2 compositions but energies of shape"):
        decomposition_energies(["MgO", "MnO"], [-3.0])
    with pytest.raises(FormulaError, match="Xx"):
        decomposition_energies(["Xx2O3"], [-1.0])
    with pytest.raises(EnergyError, match="known and ours"):
        energy_above_hull([], [], against="everything")  # type: ignore[arg-type]


def test_energies_of_different_methods_are_never_on_one_hull() -> None:
    references = [Entry("Mg", -1.5, method="PBE MP2020"), Entry("O2", -4.9, method="PBE MP2020")]
    with pytest.raises(MixedMethodsError, match=r"'PBE MP2020' \(Mg\), 'CHGNet' \(MgO2\)"):
        energy_above_hull([Entry("MgO2", -5.0, method="CHGNet")], references)
