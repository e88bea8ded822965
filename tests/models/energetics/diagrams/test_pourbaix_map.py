"""The map behind a Pourbaix diagram, against pymatgen's diagrams, and the figure made of it."""

from pathlib import Path

import numpy as np
import pytest
from exfolio.models.energetics.diagrams.pourbaix_map import pourbaix_map
from exfolio.models.energetics.diagrams.pourbaix_plot import plot_pourbaix
from exfolio.models.energetics.ions import bundled_ions
from exfolio.models.energetics.pourbaix import (
    PourbaixEntry,
    PourbaixError,
    entries_with_ions,
    minimum_decomposition_energy,
    solid_entry,
)
from pourbaix_pymatgen import to_pymatgen
from pymatgen.analysis.pourbaix_diagram import PourbaixDiagram

# Formation enthalpies at 298 K, eV/atom (CRC Handbook of Chemistry and Physics).
SOLIDS = {
    "Mn": 0.0,
    "MnO": -2.0,
    "Mn3O4": -2.05,
    "Mn2O3": -1.99,
    "MnO2": -1.80,
    "Mg": 0.0,
    "MgO": -3.12,
    "MgMn2O4": -2.3,
}
PH, POTENTIAL = np.linspace(-2, 16, 37), np.linspace(-1.5, 2.5, 33)


def entries(*metals: str) -> list[PourbaixEntry]:
    solids = {formula: energy for formula, energy in SOLIDS.items() if "Mg" in metals or "Mg" not in formula}
    return entries_with_ions(solids, bundled_ions(), metals)


def test_domains_are_those_of_pymatgens_diagram() -> None:
    found = pourbaix_map(entries("Mn"), PH, POTENTIAL, elements=["Mn"])
    diagram = PourbaixDiagram(to_pymatgen(entries("Mn")), filter_solids=False)

    by_formula = {entry.name: f"{entry.composition}{entry.charge}" for entry in entries("Mn")}
    for row, potential in enumerate(POTENTIAL[::4]):
        for column, ph in enumerate(PH[::4]):
            (ours,) = found.species[found.domains[4 * row, 4 * column]]
            theirs = diagram.get_stable_entry(ph, potential)
            amounts = {str(el): n for el, n in theirs.entry.composition.items()}
            assert by_formula[ours] in {f"{entry.composition}{entry.charge}" for entry in entries("Mn")}
            assert _contents(ours, "Mn") == pytest.approx({el: n / amounts["Mn"] for el, n in amounts.items()})


def _contents(name: str, metal: str) -> dict[str, float]:
    entry = next(entry for entry in entries(metal) if entry.name == name)
    return {element: n / entry.composition[metal] for element, n in entry.composition.items()}


def test_two_metals_dissolve_together_in_acid_and_the_figure_says_how_far_the_solid_is_from_lasting(
    tmp_path: Path,
) -> None:
    spinel = solid_entry("MgMn2O4", SOLIDS["MgMn2O4"])
    mixed = entries("Mg", "Mn")
    without = [entry for entry in mixed if entry.name != "MgMn2O4(s)"]
    found = pourbaix_map(without, PH, POTENTIAL, target=spinel)
    minimum = minimum_decomposition_energy(without, spinel)

    acid = found.species[found.domains[np.abs(POTENTIAL).argmin(), np.abs(PH).argmin()]]
    assert acid == ("Mn[2+]", "Mg[2+]"), "two thirds of the metal is manganese"
    assert found.energies is not None
    assert minimum.energy < found.energies.max()
    figure = plot_pourbaix(
        found, title="Mg-Mn in water", target="MgMn2O4", minimum=minimum, potential_vs_rhe=1.5, method="measured"
    )
    figure.savefig(tmp_path / "spinel.png")

    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("pH", "potential (V vs SHE)")
    assert f"least decomposition energy {minimum.energy:.3f} eV/atom at 1.5 V vs RHE" in figure.get_suptitle()
    labels = {text.get_text() for text in axes.texts}
    assert "Mn$^{2+}$ +\nMg$^{2+}$" in labels
    assert "1.5 V vs RHE" in labels
    assert figure.axes[1].get_ylabel() == "decomposition energy of MgMn$_{2}$O$_{4}$ (eV/atom)"

    phone = plot_pourbaix(
        found, title="Mg-Mn in water", target="MgMn2O4", minimum=minimum, potential_vs_rhe=1.5, narrow=True
    )
    phone.draw_without_rendering()
    assert phone._suptitle.get_window_extent().x0 >= 0  # type: ignore[attr-defined]
    assert {"Mn$^{2+}$ +\nMg$^{2+}$", "1.5 V vs RHE"} <= {text.get_text() for text in phone.axes[0].texts}
    assert phone.axes[1].get_xlabel() == "decomposition energy of MgMn$_{2}$O$_{4}$ (eV/atom)"


def test_where_the_solid_is_stable_is_hatched(tmp_path: Path) -> None:
    dioxide = solid_entry("MnO2", SOLIDS["MnO2"])
    found = pourbaix_map(entries("Mn"), PH, POTENTIAL, target=dioxide)

    figure = plot_pourbaix(found, title="Mn in water", target="MnO2")
    figure.savefig(tmp_path / "mno2.png")

    assert found.energies is not None
    at_the_anode = found.energies[np.abs(POTENTIAL - 1.0).argmin(), np.abs(PH - 7).argmin()]
    assert at_the_anode == pytest.approx(0, abs=1e-9)
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["hatched: MnO$_{2}$ is stable"]


def test_a_map_needs_a_solid_or_elements_and_a_figure_the_energies_it_shows() -> None:
    with pytest.raises(PourbaixError, match="or elements"):
        pourbaix_map(entries("Mn"), PH, POTENTIAL)
    bare = pourbaix_map(entries("Mn"), PH, POTENTIAL, elements=["Mn"])
    assert bare.energies is None
    with pytest.raises(ValueError, match="no decomposition energies of MnO2"):
        plot_pourbaix(bare, title="", target="MnO2")
