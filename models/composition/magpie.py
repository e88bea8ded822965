"""The 132 Magpie features of compositions, for all formulas at once.

Six statistics of 22 tabulated properties of the elements, in matminer's order and with its numbers. Knows formulas,
not what the features are for.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .formula.elements import ATOMIC_NUMBERS, MAX_Z
from .formula.formula_arrays import Formulas
from .formula.parsing import parse

STATISTICS: Final = ("minimum", "maximum", "range", "mean", "avg_dev", "mode")

#: The statistics of 22 properties that matminer's preset asks for.
N_FEATURES: Final = 132

#: Amounts this close to the largest one share the mode (``numpy.isclose``, which matminer calls).
_MODE_RTOL: Final = 1e-5
_MODE_ATOL: Final = 1e-8

#: Formulas worked through at a time, so that the arrays of one block stay in the processor's cache.
_BLOCK: Final = 1 << 10


@dataclass(frozen=True, eq=False)
class ElementTable:
    """The properties of the elements.

    Attributes
    ----------
    properties
        Their names, in matminer's order.
    values
        Shape (119, properties), by atomic number; row 0 is not used. Values that Magpie lacks are the mean of those
        it has, which is matminer's default.
    """

    properties: tuple[str, ...]
    values: NDArray[np.float64]


@functools.cache
def element_table() -> ElementTable:
    """Read Magpie's table of the elements, once: what matminer 0.10.1 makes of it, which takes seconds to import.

    Notes
    -----
    Ward, Agrawal, Choudhary, Wolverton, npj Comput. Mater. 2, 16028 (2016).
    """
    read = json.loads(files(__package__).joinpath("magpie_elements.json").read_text(encoding="utf-8"))
    values = np.full((MAX_Z + 1, len(read["properties"])), np.nan)
    for symbol, row in read["values"].items():
        values[ATOMIC_NUMBERS[symbol]] = row
    values.flags.writeable = False
    return ElementTable(tuple(read["properties"]), values)


def feature_labels() -> list[str]:
    """Name the columns of `featurize`, as matminer does (``MagpieData mean Electronegativity``)."""
    return [f"MagpieData {statistic} {name}" for name in element_table().properties for statistic in STATISTICS]


def featurize(formulas: Sequence[str] | Formulas) -> NDArray[np.float64]:
    """Compute the Magpie features.

    Parameters
    ----------
    formulas
        Texts, or what `parse` made of them.

    Returns
    -------
    ndarray, shape (n, 132)
        In the order of `feature_labels`; equal to matminer's ``ElementProperty.from_preset("magpie")``. Units are those
        of Magpie's tables (K, pm, Å³/atom, eV, µB …). NaN for a formula that `parse_or_report` found to be bad.

    Raises
    ------
    UnparsableFormula, UnknownElement
        For the first bad formula, with the name of the element.

    Notes
    -----
    Ward, Agrawal, Choudhary, Wolverton, npj Comput. Mater. 2, 16028 (2016). Mean and average deviation are weighted by
    amount; the mode is the value of the most abundant element, the smallest if several are.
    """
    parsed = parse(formulas)
    features = np.empty((len(parsed), N_FEATURES))
    nelements = parsed.nelements
    features[nelements == 0] = np.nan
    for count in np.unique(nelements[nelements > 0]).tolist():
        members = np.flatnonzero(nelements == count)
        for start in range(0, len(members), _BLOCK):
            rows = members[start : start + _BLOCK]
            entries = parsed.offsets[rows] + np.arange(count)[:, None]
            features[rows] = _statistics(parsed.numbers[entries], parsed.amounts[entries])
    return features


def _statistics(numbers: NDArray[np.uint8], amounts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Features of compositions with equally many elements; both arrays of shape (elements, n)."""
    values = np.take(element_table().values, numbers, axis=0)  # (elements, n, properties)
    n, properties = values.shape[1:]
    features = np.empty((n, properties, len(STATISTICS)))
    lowest, highest = features[..., 0], features[..., 1]
    weights = (amounts / amounts.sum(axis=0))[..., None]
    largest = amounts.max(axis=0)
    most = (np.abs(amounts - largest) <= _MODE_ATOL + _MODE_RTOL * largest)[..., None]
    lowest[...] = functools.reduce(np.minimum, values)
    highest[...] = functools.reduce(np.maximum, values)
    features[..., 2] = highest - lowest
    mean = functools.reduce(np.add, (value * weight for value, weight in zip(values, weights, strict=True)))
    features[..., 3] = mean
    features[..., 4] = functools.reduce(
        np.add, (np.abs(value - mean) * weight for value, weight in zip(values, weights, strict=True))
    )
    features[..., 5] = functools.reduce(
        np.minimum, (np.where(flag, value, np.inf) for value, flag in zip(values, most, strict=True))
    )
    return features.reshape(n, N_FEATURES)
