"""Gibbs energies for Pourbaix diagrams, against what electrochemists measured."""

import csv
import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from exfolio.models.energetics.aqueous import AqueousEnergyError, gibbs_energies
from exfolio.models.energetics.corrections.entry_corrections import correct
from exfolio.models.energetics.entry import EnergyError
from exfolio.models.energetics.ions import bundled_ions
from exfolio.models.energetics.pourbaix import (
    MU_H2O,
    NERNST,
    PourbaixEntry,
    aqueous_formation_energies,
    entries_with_ions,
    minimum_decomposition_energy,
    solid_entry,
)
from pymatgen.core import Composition
from pymatgen.core.entries import ComputedStructureEntry

KJ = 96.485
# Enthalpies of formation at 298 K, kJ/mol: CRC Handbook of Chemistry and Physics.
ENTHALPIES = {
    "MgO": -601.6,
    "Mg(OH)2": -924.5,
    "CaO": -634.9,
    "Ca(OH)2": -985.2,
    "TiO2": -944.0,
    "Ti2O3": -1520.9,
    "MnO": -385.2,
    "Mn3O4": -1387.8,
    "Mn2O3": -959.0,
    "MnO2": -520.0,
    "Mn(OH)2": -695.4,
    "FeO": -272.0,
    "Fe3O4": -1118.4,
    "Fe2O3": -824.2,
    "Fe(OH)2": -574.0,
    "FeOOH": -559.0,
    "NiO": -239.7,
    "Ni(OH)2": -529.7,
    "CoO": -237.9,
    "Co3O4": -891.0,
    "Co(OH)2": -539.7,
    "Cu2O": -168.6,
    "CuO": -157.3,
    "ZnO": -350.5,
    "Zn(OH)2": -641.9,
    "Cr2O3": -1139.7,
}
METALS = ("Mg", "Ca", "Ti", "Mn", "Fe", "Ni", "Co", "Cu", "Zn", "Cr")


def measured() -> dict[str, float]:
    """Formation energies as the handbook has them, eV/atom."""
    pairs = {formula: value / KJ / Composition(formula).num_atoms for formula, value in ENTHALPIES.items()}
    return dict.fromkeys(METALS, 0.0) | pairs


@pytest.fixture(scope="module")
def materials_project(shared_data: Path) -> dict[str, float]:
    """Formation energies of the Materials Project (Bartel et al. 2020), hydroxides and water among them."""
    with gzip.open(shared_data / "critexam.csv.gz", "rt") as stream:
        rows = [(row["formula"], float(row["formation_energy_per_atom"])) for row in csv.DictReader(stream)]
    allowed = {*METALS, "H", "O"}
    kept = {
        formula: value
        for formula, value in rows
        if set(elements := Composition(formula).get_el_amt_dict()) <= allowed and "O" in elements
    }
    return dict.fromkeys(METALS, 0.0) | kept


@pytest.fixture(scope="module")
def today(shared_data: Path) -> dict[str, float]:
    """Formation energies of today's corrections, MP2020, of what these are fitted to: no hydroxides."""
    table = json.loads(gzip.decompress((shared_data / "mp_calc_compounds.json.gz").read_bytes()))
    entries = [ComputedStructureEntry.from_dict(entry) for entry in table.values()]
    lowest: dict[str, float] = {}
    for entry, answer in zip(entries, correct(entries, check_potcar=False), strict=True):
        if answer.energy_per_atom is not None:
            formula = entry.reduced_formula
            lowest[formula] = min(answer.energy_per_atom, lowest.get(formula, 0.0))
    elements = {str(Composition(name).elements[0]): lowest[name] for name in lowest if len(Composition(name)) == 1}
    return {
        formula: energy - sum(elements[s] * x for s, x in Composition(formula).fractional_composition.as_dict().items())
        for formula, energy in lowest.items()
        if set(parts := Composition(formula).get_el_amt_dict()) <= elements.keys()
        and (len(parts) == 1 or "O" in parts)
        and set(parts) <= {*METALS, "O"}
    }


def of_metal(formation_energies: Mapping[str, float], metal: str) -> list[PourbaixEntry]:
    """Entries of one metal in water."""
    gibbs = aqueous_formation_energies(list(formation_energies), list(formation_energies.values()))
    solids = dict(zip(formation_energies, gibbs.tolist(), strict=True))
    return entries_with_ions(solids, [ion for ion in bundled_ions() if ion.element == metal], [metal])


def energy_of_ion(entries: list[PourbaixEntry], name: str) -> float:
    return next(entry.energy for entry in entries if entry.name == name)


def energy_of_solid(entries: list[PourbaixEntry], formula: str) -> float:
    """Of the formula unit, the lowest polymorph."""
    wanted = Composition(formula)
    per_atom = [
        entry.energy / sum(entry.composition.values())
        for entry in entries
        if entry.phase == "solid" and Composition(entry.composition).reduced_formula == wanted.reduced_formula
    ]
    return min(per_atom) * wanted.num_atoms


def ph_of_hydroxide(entries: list[PourbaixEntry], metal: str) -> float:
    """PH at which M2+ of 1e-6 mol/l meets M(OH)2: M2+ + 2 H2O -> M(OH)2 + 2 H+."""
    gibbs = energy_of_solid(entries, f"{metal}(OH)2") - energy_of_ion(entries, f"{metal}[2+]") - 2 * MU_H2O
    return (gibbs / NERNST + 6) / 2


# Standard potentials of M2+ + 2 e- -> M, V: Bard, Parsons, Jordan, Standard Potentials in Aqueous Solution (1985); CRC.
@pytest.mark.parametrize(
    ("metal", "potential"),
    [
        *(("Mg", -2.37), ("Ca", -2.87), ("Mn", -1.18), ("Zn", -0.76), ("Fe", -0.44), ("Co", -0.28)),
        *(("Ni", -0.257), ("Cr", -0.91), ("Cu", 0.34)),
    ],
)
def test_standard_potentials_from_measured_enthalpies(metal: str, potential: float) -> None:
    entries = of_metal(measured(), metal)

    assert energy_of_ion(entries, f"{metal}[2+]") / 2 == pytest.approx(potential, abs=0.05)


# From Gibbs energies of formation of the NBS tables (1982).
@pytest.mark.parametrize(("metal", "ph"), [("Mg", 11.4), ("Mn", 10.65), ("Co", 9.4)])
def test_hydroxides_fall_out_where_they_do(metal: str, ph: float) -> None:
    assert ph_of_hydroxide(of_metal(measured(), metal), metal) == pytest.approx(ph, abs=0.3)


# eV/atom at 1.5 V vs RHE, least over pH 0-14, worked out from Gibbs energies of formation of the NBS tables (1982).
LEAST = [
    *(("MnO", 0.80), ("Mn3O4", 0.32), ("Mn2O3", 0.21), ("MnO2", 0.0), ("MgO", 0.14), ("Fe2O3", 0.0), ("NiO", 0.0)),
    *(("CaO", 0.36), ("TiO2", 0.0), ("ZnO", 0.0), ("Cu2O", 0.57)),
]


@pytest.mark.parametrize(("oxide", "least"), LEAST)
def test_oxides_last_in_water_as_measured(oxide: str, least: float) -> None:
    energies = measured()
    (metal,) = set(Composition(oxide).get_el_amt_dict()) - {"O"}
    (gibbs,) = aqueous_formation_energies([oxide], [energies[oxide]])

    found = minimum_decomposition_energy(of_metal(energies, metal), solid_entry(oxide, gibbs))

    assert found.energy == pytest.approx(least, abs=0.02)


# Lines of the diagrams of Cu, Fe and Mn, V at pH 0: Pourbaix, Atlas of Electrochemical Equilibria (1974).
@pytest.mark.parametrize(
    ("lower", "upper", "potential"),
    [("Cu", "Cu2O", 0.471), ("Fe3O4", "Fe2O3", 0.221), ("Mn2O3", "MnO2", 1.014), ("Fe", "Fe3O4", -0.085)],
)
def test_borders_between_oxides(lower: str, upper: str, potential: float) -> None:
    energies = measured()
    first, second = Composition(lower), Composition(upper)
    (metal,) = set(second.get_el_amt_dict()) - {"O"}
    gibbs = aqueous_formation_energies([lower, upper], [energies[lower], energies[upper]])
    per_metal = [float(g) * c.num_atoms / c[metal] for g, c in zip(gibbs, (first, second), strict=True)]
    oxygen = second["O"] / second[metal] - first["O"] / first[metal]

    # lower + x H2O -> upper + 2x H+ + 2x e-
    assert (per_metal[1] - per_metal[0] - oxygen * MU_H2O) / (2 * oxygen) == pytest.approx(potential, abs=0.05)


@pytest.mark.parametrize(("metal", "ph"), [("Mg", 11.4), ("Ca", 14.4)])
def test_hydroxides_of_the_materials_project_fall_out_where_they_do(
    materials_project: dict[str, float], metal: str, ph: float
) -> None:
    """Without a word about water they would at pH 3.7 and 6.7: each hydrogen of theirs is too stable by 0.45 eV."""
    entries = of_metal(materials_project, metal)
    dry = of_metal({formula: energy for formula, energy in materials_project.items() if formula != "H2O1"}, metal)

    assert ph_of_hydroxide(entries, metal) == pytest.approx(ph, abs=0.3)
    assert ph_of_hydroxide(dry, metal) < ph - 6


@pytest.mark.parametrize(
    ("oxide", "least"), [("MnO", 0.80), ("Mn3O4", 0.32), ("Mn2O3", 0.21), ("MgO", 0.14), ("Fe2O3", 0.0)]
)
def test_oxides_of_the_materials_project_last_in_water_as_measured(
    materials_project: dict[str, float], oxide: str, least: float
) -> None:
    (metal,) = set(Composition(oxide).get_el_amt_dict()) - {"O"}
    entries = of_metal(materials_project, metal)
    (solid,) = [entry for entry in entries if Composition(entry.composition).reduced_formula == oxide]

    assert minimum_decomposition_energy(entries, solid).energy == pytest.approx(least, abs=0.06)


@pytest.mark.parametrize(
    ("oxide", "least"),
    [("MnO", 0.80), ("Mn3O4", 0.32), ("Mn2O3", 0.21), ("Fe2O3", 0.0), ("NiO", 0.0), ("CaO", 0.36)],
)
def test_oxides_by_todays_corrections_last_in_water_as_measured(
    today: dict[str, float], oxide: str, least: float
) -> None:
    (metal,) = set(Composition(oxide).get_el_amt_dict()) - {"O"}
    entries = of_metal(today, metal)

    found = minimum_decomposition_energy(entries, next(entry for entry in entries if entry.name == f"{oxide}(s)"))

    assert found.energy == pytest.approx(least, abs=0.06)


def test_manganese_dissolves_at_its_potential_by_computed_energies(
    materials_project: dict[str, float], today: dict[str, float]
) -> None:
    for energies in (materials_project, today):
        assert energy_of_ion(of_metal(energies, "Mn"), "Mn[2+]") / 2 == pytest.approx(-1.18, abs=0.05)


def test_water_comes_out_at_its_gibbs_energy_whatever_the_method_makes_of_it() -> None:
    """-237.1 kJ/mol: CODATA; 1.39 eV/atom is what the Materials Project had in 2019."""
    (gibbs,) = aqueous_formation_energies(["H2O"], [-1.39])

    assert 3 * gibbs == pytest.approx(-237.1 / KJ, abs=0.003)


@pytest.mark.parametrize(
    ("formula", "change"),
    # dG - dH of formation, kJ/mol: CRC.
    [
        *(("MgO", 601.6 - 569.3), ("Mg(OH)2", 924.5 - 833.5), ("MnO", 385.2 - 362.9)),
        *(("NaCl", 411.2 - 384.1), ("FeS2", 178.2 - 166.9), ("SiO2", 910.7 - 856.3), ("O2", 0.0)),
        *(("Mn", 0.0), ("H2", 0.0)),
    ],
)
def test_the_entropy_of_formation_is_the_measured_one(formula: str, change: float) -> None:
    (gibbs,) = aqueous_formation_energies([formula], [-1.0])

    assert (gibbs + 1.0) * Composition(formula).num_atoms * KJ == pytest.approx(change, abs=0.6)


def test_mappings_and_multiples_of_a_formula_are_the_same_compound() -> None:
    energies = aqueous_formation_energies(["MgO", "Mg4O4", {"O": 2.0, "Mg": 2.0}], [-3.1, -3.1, -3.1])

    np.testing.assert_allclose(energies, energies[0], rtol=0, atol=1e-12)
    assert aqueous_formation_energies([], []).shape == (0,)


def test_what_cannot_be_converted_is_refused_with_the_reason() -> None:
    answers = gibbs_energies(["PmCl3", "MgO", "XeO3", "MgMn2O4"], [-2.0, -3.1, 0.5, -2.1])

    assert [answer.energy is None for answer in answers] == [True, False, True, False]
    assert answers[0].refusal == "the standard entropy of Pm is not tabulated"
    assert [answer.entropy for answer in answers] == ["", "CRC", "", "additive estimate"]
    with pytest.raises(AqueousEnergyError, match=r"PmCl3: the standard entropy of Pm is not.*\(2 such in all\)"):
        aqueous_formation_energies(["PmCl3", "MgO", "XeO3"], [-2.0, -3.1, 0.5])
    with pytest.raises(EnergyError, match="nan"):
        aqueous_formation_energies(["MgO"], [float("nan")])
    with pytest.raises(EnergyError, match="give one energy for each"):
        aqueous_formation_energies(["MgO", "MnO"], [-3.1])
