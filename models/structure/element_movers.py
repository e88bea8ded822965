"""The element mover's distance (ElMD): how far two compositions lie apart on the modified Pettifor scale.

Knows formulas and the scale; knows no structures, no templates and no database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from ..composition.formula.elements import ATOMIC_NUMBERS
from ..composition.formula.formulas import Formulas, UnparsableFormula, parse
from .pettifor import MODIFIED_PETTIFOR_ORDER, MODIFIED_PETTIFOR_POSITION, ElementOffScaleError

N_STEPS = len(MODIFIED_PETTIFOR_ORDER) - 1  # gaps between the 103 places; past the last one everything has been moved
N_SEGMENTS = 12  # stretches of the scale in the lower bound: more prune better and cost more (bench_element_movers.py)
TIE_DECIMALS = 9  # distances equal to this are ties and ordered by index; rounding noise of the sums is about 1e-14
SMALL_LIBRARY = 512  # below this, plain distances are quicker than bounds
BLOCK_BYTES = 64_000_000  # working memory of one block of queries against the library

_PLACE_OF_NUMBER = np.full(256, -1, dtype=np.int8)  # by atomic number; -1 is off the scale
for _symbol, _place in MODIFIED_PETTIFOR_POSITION.items():
    _PLACE_OF_NUMBER[ATOMIC_NUMBERS[_symbol]] = _place


class Neighbours(NamedTuple):
    """The nearest compositions of a library, nearest first, ties by place in the library."""

    indices: NDArray[np.int64]
    distances: NDArray[np.float64]


def distance(a: str, b: str) -> float:
    """Element mover's distance of two formulas.

    In one dimension the earth mover's distance is the area between the cumulated fractions,
    ``sum |cumsum(p - q)|``, one place of the scale being one unit long.

    Parameters
    ----------
    a, b
        Formulas; only the fractions of their elements matter.

    Returns
    -------
    float
        Scale steps per atom, 0 (same composition) to 102.

    Raises
    ------
    UnparsableFormula, UnknownElement
        For an empty or unreadable formula.
    ElementOffScaleError
        For an element outside H to Lr.

    Notes
    -----
    Hargreaves, Dyer, Gaultois, Kurlin, Rosseinsky, Chem. Mater. 32, 10610 (2020), on the scale of Glawe et al. (2016).

    Examples
    --------
    >>> round(distance("CaTiO3", "SrTiO3"), 12)
    0.2
    >>> round(distance("NaCl", "LiCl"), 12)
    0.5
    """
    first, second = PreparedCompositions.of([a, b]).cumulative()
    return float(np.abs(first - second).sum())


def distances(a: Sequence[str], b: Sequence[str]) -> NDArray[np.float64]:
    """Element mover's distances of formulas taken pair by pair.

    Parameters
    ----------
    a, b
        Formulas, of equal number n.

    Returns
    -------
    ndarray of shape (n,)
        ``distance(a[i], b[i])``.

    Raises
    ------
    ValueError
        When the two lists differ in length; otherwise as `distance`.
    """
    if len(a) != len(b):
        raise ValueError(f"pairs need as many formulas on both sides: {len(a)=} != {len(b)=}")
    if not a:
        return np.zeros(0)
    return _paired(PreparedCompositions.of(a), PreparedCompositions.of(b))


@dataclass(frozen=True, eq=False)
class PreparedCompositions:
    """Compositions laid out for `nearest`; made once with `of`, used for many queries.

    Attributes
    ----------
    positions
        (n, m) places on the scale of each composition's elements; short rows are padded with place 0.
    shares
        (n, m) atomic fraction at each place; 0 in the padding.
    profile
        (n, N_SEGMENTS) integral of the cumulated fractions over stretches of the scale. The city-block distance of two
        profiles is never more than the distance of the compositions, which is what lets `nearest` skip most pairs.
    """

    positions: NDArray[np.int8]
    shares: NDArray[np.float64]
    profile: NDArray[np.float64]

    @classmethod
    def of(cls, formulas: Sequence[str] | Formulas) -> PreparedCompositions:
        """Prepare formulas.

        Raises
        ------
        UnparsableFormula, UnknownElement
            For an empty or unreadable formula.
        ElementOffScaleError
            For an element outside H to Lr.
        """
        parsed = parse(formulas)
        counts = parsed.nelements
        if len(parsed) and counts.min() == 0:
            raise UnparsableFormula("", f"formula {int(counts.argmin())} names no atoms")
        places = _PLACE_OF_NUMBER[parsed.numbers]
        if len(places) and places.min() < 0:
            entry = int(places.argmin())
            row = int(np.searchsorted(parsed.offsets, entry, side="right")) - 1
            symbol = list(parsed.composition(row))[entry - int(parsed.offsets[row])]
            raise ElementOffScaleError(symbol, formulas[row] if not isinstance(formulas, Formulas) else "")
        rows = parsed.rows
        order = np.lexsort((places, rows))
        columns = np.arange(len(rows)) - parsed.offsets[rows]
        positions = np.zeros((len(parsed), max(1, int(counts.max(initial=1)))), dtype=np.int8)
        shares = np.zeros(positions.shape)
        positions[rows, columns] = places[order]
        shares[rows, columns] = parsed.amounts[order]
        shares /= shares.sum(axis=1, keepdims=True)
        return cls(positions, shares, _profile(positions, shares))

    def __len__(self) -> int:
        return len(self.positions)

    def cumulative(self, rows: NDArray[np.int64] | slice | None = None) -> NDArray[np.float64]:
        """Cumulated fractions along the scale, (rows, N_STEPS)."""
        chosen = slice(None) if rows is None else rows
        return _cumulative(self.positions[chosen], self.shares[chosen])


def nearest(
    query: str | Sequence[str] | PreparedCompositions,
    library: Sequence[str] | PreparedCompositions,
    k: int = 10,
) -> Neighbours:
    """Find the compositions of a library nearest to one or many formulas.

    Exact: a lower bound rules out most pairs, the rest are computed in full. Memory is bounded by blocks of queries
    and does not grow with their number.

    Parameters
    ----------
    query
        One formula, several, or several prepared ones.
    library
        Formulas, or `PreparedCompositions.of(formulas)` where the library is asked more than once.
    k
        Neighbours wanted; fewer come back where the library holds fewer.

    Returns
    -------
    Neighbours
        ``indices`` into the library and ``distances``, of shape (k,) for one formula and (n, k) for several.

    Raises
    ------
    ValueError
        When k is below 1 or the library is empty; otherwise as `distance`.

    Examples
    --------
    >>> nearest("MoS2", ["WSe2", "MoSe2", "NaCl"], 2).indices.tolist()
    [1, 0]
    """
    if k < 1:
        raise ValueError(f"at least one neighbour must be asked for, got {k=}")
    prepared = library if isinstance(library, PreparedCompositions) else PreparedCompositions.of(library)
    if not len(prepared):
        raise ValueError("the library is empty, so nothing is near; give it at least one formula")
    k = min(k, len(prepared))
    if isinstance(query, str):
        indices, apart = _nearest(PreparedCompositions.of([query]), prepared, k)
        return Neighbours(indices[0], apart[0])
    queries = query if isinstance(query, PreparedCompositions) else PreparedCompositions.of(query)
    return _nearest(queries, prepared, k)


def _nearest(queries: PreparedCompositions, library: PreparedCompositions, k: int) -> Neighbours:
    indices = np.empty((len(queries), k), dtype=np.int64)
    apart = np.empty((len(queries), k))
    dense = library.cumulative() if len(library) <= SMALL_LIBRARY else None
    rows = max(1, BLOCK_BYTES // (8 * len(library)))
    for start in range(0, len(queries), rows):
        block = slice(start, start + rows)
        sought = queries.cumulative(block)
        if dense is not None:
            for row, exact in enumerate(cdist(sought, dense, "cityblock"), start):
                order = _smallest(exact, k)
                indices[row], apart[row] = order, exact[order]
            continue
        bounds = cdist(queries.profile[block], library.profile, "cityblock")
        for row, bound in enumerate(bounds):
            indices[start + row], apart[start + row] = _pruned(sought[row], bound, library, k)
    return Neighbours(indices, apart)


def _pruned(
    sought: NDArray[np.float64], bound: NDArray[np.float64], library: PreparedCompositions, k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """K nearest of one query: those of least bound give a distance that the bound of every other must not exceed."""
    likely = np.argpartition(bound, k - 1)[:k]
    worst = np.abs(library.cumulative(likely) - sought).sum(axis=1).max()
    candidates = np.flatnonzero(bound <= worst + 10.0**-TIE_DECIMALS)
    exact = np.abs(library.cumulative(candidates) - sought).sum(axis=1)
    order = _smallest(exact, k)
    return candidates[order], exact[order]


def _smallest(values: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Find the indices of the k smallest values, ascending, ties by index."""
    limit = np.partition(values, k - 1)[k - 1]
    candidates = np.flatnonzero(values <= limit + 10.0**-TIE_DECIMALS)
    order = np.lexsort((candidates, np.round(values[candidates], TIE_DECIMALS)))[:k]
    chosen: NDArray[np.int64] = candidates[order]
    return chosen


def _paired(a: PreparedCompositions, b: PreparedCompositions) -> NDArray[np.float64]:
    result = np.empty(len(a))
    rows = max(1, BLOCK_BYTES // (3 * 8 * N_STEPS))
    for start in range(0, len(a), rows):
        block = slice(start, start + rows)
        result[block] = np.abs(a.cumulative(block) - b.cumulative(block)).sum(axis=1)
    return result


def _cumulative(positions: NDArray[np.int8], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    dense = np.zeros((len(positions), N_STEPS + 1))
    rows = np.arange(len(positions))
    for column in range(positions.shape[1]):  # at most as many turns as a formula has elements
        dense[rows, positions[:, column]] += shares[:, column]
    np.cumsum(dense, axis=1, out=dense)
    return dense[:, :N_STEPS]


def _profile(positions: NDArray[np.int8], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integral of the cumulated fractions over each stretch: a share p at place x adds p for every later step."""
    edges = np.linspace(0, N_STEPS, N_SEGMENTS + 1)
    profile = np.zeros((len(positions), N_SEGMENTS))
    for segment in range(N_SEGMENTS):
        low, high = edges[segment], edges[segment + 1]
        length = high - np.clip(positions, low, high)
        profile[:, segment] = (shares * length).sum(axis=1)
    return profile
