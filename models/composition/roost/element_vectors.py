"""Tables of the elements for networks, standardised, and how far apart elements are by them.

Magpie's properties and Matscholar's word vectors, both read through matminer, which takes seconds to import: models
carry the tables they were trained with. Knows elements only.
"""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
from matminer.utils.data import MatscholarElementData
from numpy.typing import NDArray

from ..formula.elements import MAX_Z, SYMBOLS
from ..magpie import element_table

#: Weight of one minus the cosine of two word vectors in the distance of elements, beside half the mean square
#: difference of their properties; chosen on the validation part of the test set by Bartel et al. (2020).
_WORDS: Final = 3.0


@functools.cache
def word_vectors() -> NDArray[np.float64]:
    """Read Matscholar's vectors of the elements, once.

    Returns
    -------
    ndarray, shape (119, 200)
        By atomic number; row 0 is zero, elements without a vector have the mean of all.

    Notes
    -----
    Tshitoyan et al., Nature 571, 95 (2019), in the version that matminer ships.
    """
    data = MatscholarElementData(impute_nan=False)
    vectors = np.zeros((MAX_Z + 1, len(data.prop_names)))
    given = [number for number in range(1, MAX_Z + 1) if SYMBOLS[number] in data.all_element_data]
    for number in given:
        vectors[number] = [data.all_element_data[SYMBOLS[number]][name] for name in data.prop_names]
    missing = np.setdiff1d(np.arange(1, MAX_Z + 1), given)
    vectors[missing] = vectors[given].mean(axis=0)
    vectors.flags.writeable = False
    return vectors


def standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Table by atomic number, each column brought to mean 0 and deviation 1 over the elements; row 0 is zero."""
    spread = values[1:].std(axis=0)
    table = np.zeros(values.shape)
    table[1:] = (values[1:] - values[1:].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return table


def element_distances() -> NDArray[np.float64]:
    """Say how unlike any two elements are.

    Returns
    -------
    ndarray, shape (119, 119)
        By atomic numbers, without unit: 0 for the same, about 0.2 for iron and cobalt, up to 6.
    """
    properties = standardised(element_table().values)
    squares = ((properties[:, None] - properties) ** 2).mean(axis=2)
    words = word_vectors()
    lengths = np.linalg.norm(words, axis=1, keepdims=True)
    directions = words / np.where(lengths > 0, lengths, 1.0)
    distances: NDArray[np.float64] = squares / 2 + _WORDS * (1 - directions @ directions.T)
    np.fill_diagonal(distances, 0.0)
    return distances
