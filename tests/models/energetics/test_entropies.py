"""Standard entropies of solids: tabulated ones, and how well others are estimated."""

import csv
from importlib import resources

import numpy as np
import pytest
from exfolio.models.energetics import entropies
from exfolio.models.energetics.entropies import ESTIMATE, SOURCES, element_entropies, standard_entropies
from pymatgen.core import Composition


def rows() -> list[dict[str, str]]:
    text = (resources.files(entropies.__package__) / entropies.TABLE).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


# J/(mol K) per mole of atoms: CODATA Key Values for Thermodynamics (1989).
@pytest.mark.parametrize(
    ("element", "value"),
    [
        *(("H", 130.68 / 2), ("O", 205.152 / 2), ("N", 191.609 / 2), ("F", 202.791 / 2)),
        *(("Cl", 223.081 / 2), ("Br", 152.21 / 2), ("I", 116.14 / 2), ("S", 32.054), ("P", 41.09)),
        *(("C", 5.74), ("Mg", 32.67), ("Hg", 75.9)),
    ],
)
def test_elements_have_the_entropies_of_their_standard_states(element: str, value: float) -> None:
    assert element_entropies()[element] == pytest.approx(value, abs=0.05)


def test_a_compound_has_its_own_entropy_whatever_way_it_is_written() -> None:
    """63.2 J/(mol K) of brucite: CRC."""
    for formula in ("Mg(OH)2", "MgO2H2", {"H": 4.0, "Mg": 2.0, "O": 4.0}):
        (entropy,) = standard_entropies([formula])
        assert entropy is not None
        assert (entropy.per_atom * 5, entropy.source) == (pytest.approx(63.2), "CRC")


# J/(mol K): Helgeson, Delany, Nesbitt, Bird, Am. J. Sci. 278A, 1 (1978).
@pytest.mark.parametrize(
    ("formula", "value"),
    [("NaAlSiO4", 124.3), ("KMg3AlSi3O10F2", 336.3), ("CaAl4Si2O12H2", 266.9), ("Ca2Mg5Si8O22F2", 541.4)],
)
def test_what_no_table_has_is_estimated_within_the_stated_error(formula: str, value: float) -> None:
    (entropy,) = standard_entropies([formula])

    assert entropy is not None
    assert entropy.source == ESTIMATE
    error = 298.15 * abs(entropy.per_atom - value / Composition(formula).num_atoms) / 96485
    assert error < 0.031  # eV/atom


def test_the_estimate_is_as_good_as_it_says_on_the_tabulated_solids(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {row["formula"]: float(row["entropy_j_per_mol_k"]) for row in rows()}
    compounds = [formula for formula in table if len(Composition(formula)) > 1 and formula != "H2O"]
    elements = element_entropies()
    alone = {key: value for key, value in entropies._tabulated().items() if len(key) == 1}
    monkeypatch.setattr(entropies, "_tabulated", lambda: alone)
    monkeypatch.setattr(entropies, "element_entropies", lambda: elements)

    estimated = standard_entropies(compounds)

    atoms = np.array([Composition(formula).num_atoms for formula in compounds])
    values = np.array([entropy.per_atom if entropy else np.nan for entropy in estimated])
    errors = 298.15 * np.abs(values - np.array([table[formula] for formula in compounds]) / atoms) / 96485
    assert np.isfinite(errors).all()
    assert errors.mean() < 0.013
    assert np.quantile(errors, 0.9) < 0.031


def test_an_alloy_has_the_entropies_of_its_metals() -> None:
    (entropy,) = standard_entropies(["MgZn2"])

    assert entropy is not None
    assert entropy.per_atom * 3 == pytest.approx(32.7 + 2 * 41.6)  # CRC


def test_elements_without_an_entropy_have_no_estimate() -> None:
    assert standard_entropies(["PmCl3", "Po"]) == [None, None]


def test_every_row_names_its_source_and_no_compound_comes_twice() -> None:
    assert {row["source"] for row in rows()} == SOURCES.keys()
    names = [Composition(row["formula"]).reduced_formula for row in rows()]
    assert len(names) == len(set(names)) > 500
