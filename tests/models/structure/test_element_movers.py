"""The element mover's distance, checked on published values and against an independent earth mover's solver."""

import gzip
import re

import numpy as np
import pandas as pd
import pytest
from exfolio.models.composition.formula.formulas import FormulaError
from exfolio.models.structure.element_movers import PreparedCompositions, distance, distances, nearest
from exfolio.models.structure.pettifor import ElementOffScaleError, position
from pymatgen.core import Composition
from scipy.stats import wasserstein_distance

FORMULAS = [
    "MoS2",
    "WSe2",
    "MoSe2",
    "NaCl",
    "SrTiO3",
    "CaTiO3",
    "Bi2Te3",
    "BN",
    "C",
    "CrI3",
    "MgMn2O4",
    "FeO",
    "Fe0.95O",
]


def by_solver(a: str, b: str) -> float:
    first, second = Composition(a).get_el_amt_dict(), Composition(b).get_el_amt_dict()
    return wasserstein_distance(
        [position(e) for e in first], [position(e) for e in second], list(first.values()), list(second.values())
    )


@pytest.fixture(scope="module")
def known(shared_data):
    with gzip.open(shared_data / "2dmatpedia_formulas.csv.gz", "rt") as lines:
        table = pd.read_csv(lines)
    return table[next(name for name in table.columns if "formula" in name.lower())].tolist()


@pytest.mark.parametrize(("a", "b", "expected"), [("CaTiO3", "SrTiO3", 0.2), ("NaCl", "LiCl", 0.5)])
def test_published_distances(a, b, expected):
    assert distance(a, b) == pytest.approx(expected, abs=1e-12)


def test_only_fractions_count():
    assert distance("Mo2S4", "MoS2") == pytest.approx(0, abs=1e-12)


def test_distance_is_symmetric_and_obeys_the_triangle_inequality():
    table = np.array([[distance(a, b) for b in FORMULAS] for a in FORMULAS])
    assert np.allclose(table, table.T, atol=1e-12)
    assert (table[:, None, :] <= table[:, :, None] + table[None, :, :] + 1e-9).all()


def test_pairs_of_real_compositions_equal_an_independent_solver(known):
    rng = np.random.default_rng(3)
    a, b = rng.choice(known, 1000).tolist(), rng.choice(known, 1000).tolist()
    assert np.abs(distances(a, b) - [by_solver(*pair) for pair in zip(a, b, strict=True)]).max() < 1e-9


def test_nearest_finds_what_sorting_all_distances_finds(known):
    queries = ["MoSSe", "CrGeTe3", "SnO", "Fe0.95O", "LaOBr"]
    library = PreparedCompositions.of(known)

    found = nearest(queries, library, 12)

    assert found.indices.shape == found.distances.shape == (5, 12)
    for query, row, values in zip(queries, found.indices, found.distances, strict=True):
        everything = distances([query] * len(known), known)
        assert values == pytest.approx(np.sort(everything)[:12], abs=1e-9)
        assert everything[row] == pytest.approx(values, abs=1e-9)


def test_ties_come_in_the_order_of_the_library():
    assert nearest("MoS2", ["NaCl", "Mo2S4", "MoS2", "Mo3S6"], 3).indices.tolist() == [1, 2, 3]


def test_one_query_gives_one_row_and_a_small_library_gives_all_it_has():
    found = nearest("MoS2", ["WSe2", "MoSe2"], 10)
    assert found.indices.tolist() == [1, 0]
    assert found.distances == pytest.approx([2 / 3, 1], abs=1e-9)


@pytest.mark.parametrize("formula", ["", "Mo-S", "MoS2)", "Qq2"])
def test_an_unreadable_formula_is_named(formula):
    with pytest.raises(ValueError, match=re.escape(repr(formula))):
        distance(formula, "MoS2")


def test_deuterium_counts_as_hydrogen():
    assert distance("D2O", "H2O") == 0


def test_an_element_off_the_scale_is_named_with_its_formula():
    with pytest.raises(ElementOffScaleError, match="'Rf' in 'RfO2'"):
        distance("RfO2", "HfO2")


def test_bad_requests_are_refused():
    with pytest.raises(ValueError, match="k=0"):
        nearest("MoS2", FORMULAS, 0)
    with pytest.raises(ValueError, match="empty"):
        nearest("MoS2", [], 3)
    with pytest.raises(ValueError, match=r"len\(a\)=2 != len\(b\)=1"):
        distances(["MoS2", "BN"], ["MoS2"])
    with pytest.raises(FormulaError):
        distance("", "MoS2")
