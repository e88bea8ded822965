"""Tables of the elements, and how far apart elements are."""

import numpy as np
from exfolio.models.composition.formula.elements import ATOMIC_NUMBERS
from exfolio.models.composition.roost.element_vectors import element_distances, standardised, word_vectors
from matminer.utils.data import MatscholarElementData
from pymatgen.core import Element


def test_word_vectors_are_matminers():
    data = MatscholarElementData(impute_nan=True)
    for symbol in ("H", "Fe", "Zr", "Og"):
        expected = [data.get_elemental_property(Element(symbol), name) for name in data.prop_names]
        np.testing.assert_allclose(word_vectors()[ATOMIC_NUMBERS[symbol]], expected)


def test_standardised_columns_have_mean_zero_and_deviation_one():
    table = standardised(word_vectors())
    np.testing.assert_allclose(table[1:].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(table[1:].std(axis=0), 1)
    assert (table[0] == 0).all()


def test_like_elements_are_near():
    distances = element_distances()
    assert (np.diag(distances) == 0).all()
    np.testing.assert_allclose(distances, distances.T, atol=1e-12)

    def between(one: str, other: str) -> float:
        return float(distances[ATOMIC_NUMBERS[one], ATOMIC_NUMBERS[other]])

    assert between("La", "Pr") < between("La", "Fe") < between("La", "F")
    assert between("K", "Rb") < between("K", "Mg")
    assert between("Zr", "Hf") < between("Zr", "O")
