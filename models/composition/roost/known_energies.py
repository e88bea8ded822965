"""What known formation energies say of a composition: the hull that they make there, and the energies of its relatives.

For networks that learn formation energies: chemistry of neighbours that a network of stoichiometry alone can't
remember. A composition never counts among what is known of it. Knows formulas and energies, no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...energetics.convex_hull.competition import STABLE, Block, Phases
from ...energetics.convex_hull.composition_table import CompositionTable
from ..formula.elements import MAX_Z, SYMBOLS
from ..formula.formula_arrays import Formulas
from ..formula.parsing import parse
from ..similar_compositions import WHOLE, Patterns, patterns_of, scattered

#: Compositions that differ in one element count by exp(-d/s), d the distance of the two elements, for each of these s.
SCALES: Final = (0.2, 0.4, 0.8)

#: Weights below this are of no relative worth the name.
_FAINT: Final = 1e-9

#: Distance said of the nearest relative where there is none.
_FAR: Final = 6.0

#: Patterns (see `similar_compositions`) whose relatives all count alike. Those of the same elements are in the first
#: one alone: what lies above a hull that the composition itself is part of would tell of its energy.
GROUPS: Final = (
    "elements",
    "element families",
    "families",
    "one of family",
    "families, one other",
    "families, one same",
)

#: Of these, the patterns that compositions of more elements have as well: they are told apart by their number, or the
#: elements of one could be among those of its relative.
_OF_ANY_NUMBER: Final = ("families, one other", "families, one same")

_HULL_COLUMNS: Final = ("energy", "share of elements", "largest share", "squared shares")

#: What is given of relatives: their energies, and how far these lie above the hull of all but themselves. The latter is
#: not said of those of the same elements.
_GIVEN: Final = ("energy", "above hull")


def feature_labels() -> list[str]:
    """Name the columns of `KnownEnergies.features`."""
    labels = [f"hull: {column}" for column in _HULL_COLUMNS]
    for scale in SCALES:
        labels += [f"one other, {scale}: {kind} of {given}" for given in _GIVEN for kind in ("mean", "deviation")]
        labels.append(f"one other, {scale}: log weight")
    labels += ["nearest: distance", *(f"nearest: {given}" for given in _GIVEN)]
    for name in GROUPS:
        given_here = _GIVEN[:1] if name == "elements" else _GIVEN
        labels += [*(f"{name}: mean of {given}" for given in given_here), f"{name}: log number"]
    return labels


class BadKnownEnergies(ValueError):
    """Arrays that are not those of known energies."""


@dataclass(frozen=True, eq=False)
class KnownEnergies:
    """Known compositions with their formation energies.

    Attributes
    ----------
    formulas
        Reduced, each composition once.
    energies
        Shape (n,), formation energies in eV/atom.
    hull
        Shape (n, 4), of each the hull that all others make there: its energy (eV/atom), the share of elements, the
        largest share and the sum of squares of all shares in the mixture that it is.
    distances
        Shape (119, 119), of the elements, by atomic number.
    """

    formulas: Formulas
    energies: NDArray[np.float64]
    hull: NDArray[np.float64]
    distances: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit together."""
        n = len(self.formulas)
        shapes = self.energies.shape, self.hull.shape, self.distances.shape
        if shapes != ((n,), (n, len(_HULL_COLUMNS)), (MAX_Z + 1, MAX_Z + 1)):
            raise BadKnownEnergies(f"{n} known formulas do not go with arrays of shapes {shapes}")

    @classmethod
    def of(
        cls, formulas: Sequence[str] | Formulas, energies: ArrayLike, distances: NDArray[np.float64]
    ) -> KnownEnergies:
        """Take formulas with their formation energies; of several of one composition the lowest.

        Raises
        ------
        UnparsableFormula, UnknownElement
            For the first bad formula.
        """
        parsed = parse(formulas).reduced()
        table = _table(parsed)
        phases = Phases(table, np.asarray(energies, dtype=np.float64))
        hull = np.empty((len(phases.energies), len(_HULL_COLUMNS)))
        for block in phases.sweep():
            hull[block.targets] = _described(block)
        kept = chosen(parsed, phases.lowest)
        return cls(kept, phases.energies, hull, distances)

    def features(self, formulas: Sequence[str] | Formulas) -> NDArray[np.float32]:
        """Say what is known of compositions but themselves.

        Returns
        -------
        ndarray, shape (n, len(feature_labels()))
            Energies in eV/atom; 0 for means over nothing, which the weights and numbers beside them tell.

        Raises
        ------
        UnparsableFormula, UnknownElement
            For the first bad formula.
        """
        parsed = parse(formulas)
        features = np.empty((len(parsed), len(feature_labels())), dtype=np.float32)
        for place, block in parsed.blocks():
            features[place] = self._features(block.reduced())
        return features

    def _features(self, reduced: Formulas) -> NDArray[np.float64]:
        asked = patterns_of(reduced)
        rows, numbers = asked.rows, reduced.numbers.astype(np.int64)
        n = len(reduced)
        entries, known_entries = self._pairs(asked.keys["one other"])
        theirs = self._patterns.rows[known_entries]
        same = numbers[entries] == self.formulas.numbers[known_entries]
        itself = np.full(n, -1, dtype=np.int64)
        itself[rows[entries[same]]] = theirs[same]
        near = _Near(
            rows[entries[~same]],
            theirs[~same],
            self.distances[numbers[entries[~same]], self.formulas.numbers[known_entries[~same]]],
        )
        hull = self._hull(reduced, itself)
        columns = [*hull.T, *self._one_other(near, n)]
        for name in GROUPS:
            owner = np.arange(n) if name in WHOLE else rows
            keys, of_same_elements = _keys(name, asked)
            counted = _looked_up(self._tallies[name], keys, owner, n)
            if name == "elements":
                counted = counted.without(self._of_itself(itself))
            else:
                counted = counted.without(_looked_up(self._same_elements[name], of_same_elements, owner, n))
            means = np.where(counted.numbers > 0, counted.sums / np.maximum(counted.numbers, 1.0), 0.0)
            columns += [*(means[:1] if name == "elements" else means), np.log1p(counted.numbers)]
        return np.column_stack(columns)

    def _hull(self, reduced: Formulas, itself: NDArray[np.int64]) -> NDArray[np.float64]:
        hulls = self.hull[itself]
        new = np.flatnonzero(itself < 0)
        if len(new):
            part = _table(chosen(reduced, new))
            hull = np.zeros((len(new), len(_HULL_COLUMNS)))
            for block in self._phases.project(part.fractions, part.systems):
                hull[block.targets] = _described(block)
            hulls[new] = hull
        return hulls

    def _one_other(self, near: _Near, n: int) -> list[NDArray[np.float64]]:
        columns: list[NDArray[np.float64]] = []
        for scale in SCALES:
            weights = np.exp(-near.distances / scale)
            total = np.bincount(near.rows, weights, n)
            has_relatives = total > _FAINT
            divisor = np.where(has_relatives, total, 1.0)
            for given in self._given:
                values = given[near.known]
                mean = np.where(has_relatives, np.bincount(near.rows, weights * values, n) / divisor, 0.0)
                square = np.bincount(near.rows, weights * (values - mean[near.rows]) ** 2, n)
                columns += [mean, np.where(has_relatives, np.sqrt(square / divisor), 0.0)]
            columns.append(np.log(total + 1e-3))
        order = np.lexsort((near.known, near.distances, near.rows))
        first = order[np.flatnonzero(np.diff(near.rows[order], prepend=-1))]
        place = near.rows[first]
        distance = np.full(n, _FAR)
        distance[place] = np.minimum(near.distances[first], _FAR)
        columns.append(distance)
        for given in self._given:
            value = np.zeros(n)
            value[place] = given[near.known[first]]
            columns.append(value)
        return columns

    def _of_itself(self, itself: NDArray[np.int64]) -> _Counted:
        """What known compositions (their rows, -1 for none) contribute to those of their own elements."""
        is_known = itself >= 0
        return _Counted(is_known.astype(np.float64), np.where(is_known, np.stack(self._given)[:, itself], 0.0))

    @cached_property
    def _given(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.energies, self.energies - self.hull[:, 0]

    @cached_property
    def _patterns(self) -> Patterns:
        return patterns_of(self.formulas)

    @cached_property
    def _phases(self) -> Phases:
        phases = Phases(_table(self.formulas), self.energies)
        for row in np.flatnonzero(self.energies <= self.hull[:, 0] + STABLE).tolist():
            if phases.systems[row].bit_count() > 1:
                phases.stable.setdefault(phases.systems[row], []).append(row)
        return phases

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        keys = self._patterns.keys["one other"]
        order = np.argsort(keys, kind="stable")
        return keys[order], order

    def _pairs(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Entries asked about beside known entries that share the pattern "one other"."""
        sorted_keys, order = self._sorted
        first = np.searchsorted(sorted_keys, keys, "left")
        counts = np.searchsorted(sorted_keys, keys, "right") - first
        starts = np.cumsum(counts) - counts
        asked = np.repeat(np.arange(len(keys)), counts)
        return asked, order[np.arange(int(counts.sum())) + np.repeat(first - starts, counts)]

    @cached_property
    def _tallies(self) -> dict[str, _Tally]:
        return {name: self._tally(_keys(name, self._patterns)[0], name) for name in GROUPS}

    @cached_property
    def _same_elements(self) -> dict[str, _Tally]:
        return {name: self._tally(_keys(name, self._patterns)[1], name) for name in GROUPS if name != "elements"}

    def _tally(self, keys: NDArray[np.uint64], name: str) -> _Tally:
        rows = np.arange(len(self.energies)) if name in WHOLE else self._patterns.rows
        distinct, place = np.unique(keys, return_inverse=True)
        sums = tuple(_summed(place, given[rows], len(distinct)) for given in self._given)
        return _Tally(distinct, np.bincount(place, minlength=len(distinct)), sums)


class _Near(NamedTuple):
    rows: NDArray[np.int64]
    known: NDArray[np.int64]
    distances: NDArray[np.float64]


class _Counted(NamedTuple):
    numbers: NDArray[np.float64]
    sums: NDArray[np.float64]  # (2, n), of energies and of what is above the hull

    def without(self, others: _Counted) -> _Counted:
        return _Counted(self.numbers - others.numbers, self.sums - others.sums)


class _Tally(NamedTuple):
    keys: NDArray[np.uint64]
    numbers: NDArray[np.int64]
    sums: tuple[NDArray[np.float64], ...]


def _keys(name: str, patterns: Patterns) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Keys of a pattern, and of the pattern together with the elements."""
    keys, elements = patterns.keys[name], patterns.keys["elements"]
    if name in _OF_ANY_NUMBER:
        keys = keys + scattered(np.diff(patterns.offsets).astype(np.uint64))[patterns.rows]
    return keys, scattered(keys) + (elements if name in WHOLE else elements[patterns.rows])


def _looked_up(tally: _Tally, keys: NDArray[np.uint64], owner: NDArray[np.int64], n: int) -> _Counted:
    """Known compositions with the keys, counted for each of the n compositions that own these."""
    place = np.minimum(np.searchsorted(tally.keys, keys), len(tally.keys) - 1)
    is_known = tally.keys[place] == keys
    numbers, *sums = (np.where(is_known, values[place], 0.0) for values in (tally.numbers, *tally.sums))
    return _Counted(_summed(owner, numbers, n), np.stack([_summed(owner, values, n) for values in sums]))


def _summed(places: NDArray[np.int64], values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    return np.bincount(places, values, n).astype(np.float64, copy=False)


def chosen(formulas: Formulas, rows: NDArray[np.intp]) -> Formulas:
    """Formulas of these rows, in their order."""
    sizes = formulas.nelements[rows]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    entries = np.repeat(formulas.offsets[rows] - offsets[:-1], sizes) + np.arange(offsets[-1])
    return Formulas(formulas.numbers[entries], formulas.amounts[entries], offsets)


def _table(reduced: Formulas) -> CompositionTable:
    """Put compositions into the form hulls take, with a column for each atomic number."""
    rows, numbers = reduced.rows, reduced.numbers.astype(np.int64)
    totals = np.bincount(rows, reduced.amounts, len(reduced))
    fractions = np.zeros((len(reduced), MAX_Z + 1))
    fractions[rows, numbers] = reduced.amounts / totals[rows]
    bits = [1 << number for number in range(MAX_Z + 1)]
    systems = [0] * len(reduced)
    for row, number in zip(rows.tolist(), numbers.tolist(), strict=True):
        systems[row] |= bits[number]
    # Equal compositions have equal bytes, since formulas are reduced and their numbers ascend.
    seen: dict[bytes, int] = {}
    identity = np.empty(len(reduced), dtype=np.intp)
    packed = np.column_stack([numbers.astype(np.float64), reduced.amounts])
    for row, (start, end) in enumerate(zip(reduced.offsets[:-1].tolist(), reduced.offsets[1:].tolist(), strict=True)):
        identity[row] = seen.setdefault(packed[start:end].tobytes(), len(seen))
    return CompositionTable(tuple(SYMBOLS), fractions, systems, identity)


def _described(block: Block) -> NDArray[np.float64]:
    amounts = block.mixtures.amounts
    elements = (amounts * (block.mixtures.phases < 0)).sum(axis=1)
    return np.column_stack([block.mixtures.costs, elements, amounts.max(axis=1), (amounts**2).sum(axis=1)])
