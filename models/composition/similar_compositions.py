"""What is known of the compositions most like one, those that differ in one element or by elements of one group.

Compositions that agree in a pattern are relatives; how many of them are known, and how many of these are 2D, are
features. Half of 2DMatPedia was made by replacing elements by others of their group, which is what several of the
patterns are about. Knows formulas and labels, no classifier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .formula.elements import MAX_Z
from .formula.formula_arrays import Formulas
from .formula.parsing import parse
from .stoichiometry import FAMILIES, GROUP_NAMES

#: Patterns that a composition has one of.
WHOLE: Final = (
    "amounts",  # the same amounts, of whatever elements (the anonymous formula)
    "families",  # the same amounts of elements of the same groups
    "elements",  # the same elements in whatever amounts (the chemical system)
    "element families",  # elements of the same groups in whatever amounts
)

#: Patterns that a composition has one of for each of its elements.
BY_ELEMENT: Final = (
    "one other",  # all the same but this element, which may be any
    "one of family",  # all the same but this element, which may be any of its group
    "families, one other",  # the others from the same groups, this element may be any
    "families, one same",  # this element the same, the others from the same groups
    "role",  # the same amounts, this element in this amount, the others any
    "elements, one other",  # the same elements but this one, amounts any
    "holds",  # holds this element
)

#: A share of 2D ones is counted as if so many more relatives were known, with the share that all compositions have.
PRIOR_WEIGHT: Final = 2.0

#: Amounts in a pattern are counted in this part of an atom, so that formulas with decimals have patterns too.
_STEPS: Final = 1000

_WHOLE_COLUMNS: Final = ("2D", "known", "share")
_ELEMENT_COLUMNS: Final = ("2D", "known", "share", "largest share", "smallest share", "mean log-odds")

Keys = dict[str, NDArray[np.uint64]]


class Tally(NamedTuple):
    """Patterns of known compositions.

    Attributes
    ----------
    keys
        Ascending, without repetition.
    two_d, known
        How many 2D compositions have the pattern, and how many at all; as many as there are keys.
    """

    keys: NDArray[np.int64]
    two_d: NDArray[np.int32]
    known: NDArray[np.int32]


class BadRelatives(ValueError):
    """Arrays that are not tallies."""


def feature_labels() -> list[str]:
    """Name the columns of `Relatives.features`."""
    whole = [f"{name}: {column}" for name in WHOLE for column in _WHOLE_COLUMNS]
    return whole + [f"{name}: {column}" for name in BY_ELEMENT for column in _ELEMENT_COLUMNS]


@dataclass(frozen=True, eq=False)
class Relatives:
    """Known compositions by their patterns.

    Attributes
    ----------
    share
        The share of 2D ones among all of them.
    tallies
        By name of the pattern.
    """

    share: float
    tallies: Mapping[str, Tally]

    def __post_init__(self) -> None:
        """Refuse tallies that are none."""
        if not 0 < self.share < 1:
            raise BadRelatives(f"the share of 2D compositions among all should lie between 0 and 1, got {self.share}")
        for name in (*WHOLE, *BY_ELEMENT):
            if name not in self.tallies:
                raise BadRelatives(f"the pattern {name!r} has no tally")
            keys, two_d, known = self.tallies[name]
            if keys.dtype != np.int64 or two_d.dtype != np.int32 or known.dtype != np.int32:
                raise BadRelatives(f"the tally of {name!r} is of {keys.dtype}, {two_d.dtype}, {known.dtype}")
            if keys.ndim != 1 or not len(keys) or keys.shape != two_d.shape or keys.shape != known.shape:
                raise BadRelatives(
                    f"the tally of {name!r} has {keys.shape} keys, {two_d.shape} 2D, {known.shape} known"
                )
            if (keys[1:] <= keys[:-1]).any() or (two_d < 0).any() or (two_d > known).any():
                raise BadRelatives(f"the tally of {name!r} is not in order, or counts more 2D ones than all")

    @classmethod
    def of(cls, formulas: Sequence[str] | Formulas, is_2d: ArrayLike) -> Relatives:
        """Count compositions, each of which should be given once.

        Parameters
        ----------
        formulas, is_2d
            What is known, of equal number; both 2D ones and others are needed.
        """
        labels = np.asarray(is_2d, dtype=bool)
        patterns = patterns_of(parse(formulas).reduced())
        rows = patterns.rows
        tallies = {
            name: _tally(keys, labels if name in WHOLE else labels[rows])[0] for name, keys in patterns.keys.items()
        }
        return cls(float(labels.mean()), tallies)

    @classmethod
    def out_of_fold(
        cls, formulas: Sequence[str] | Formulas, is_2d: ArrayLike, folds: NDArray[np.int64]
    ) -> tuple[Relatives, NDArray[np.float64]]:
        """Count compositions, and give each the features it would have if its fold were not known.

        So a model can learn from the features of the very compositions that were counted, whose labels these would
        give away otherwise.

        Parameters
        ----------
        formulas, is_2d
            As in `of`.
        folds
            Shape (n,), the fold of each from 0.

        Returns
        -------
        relatives
            With every fold counted.
        features
            Shape (n, len(feature_labels())).
        """
        labels = np.asarray(is_2d, dtype=bool)
        patterns = patterns_of(parse(formulas).reduced())
        counts: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        tallies: dict[str, Tally] = {}
        for name, keys in patterns.keys.items():
            rows = slice(None) if name in WHOLE else patterns.rows
            tallies[name], place = _tally(keys, labels[rows])
            own = place * (int(folds.max()) + 1) + folds[rows]  # a pattern within a fold
            size = int(own.max()) + 1
            two_d = tallies[name].two_d[place] - np.bincount(own, labels[rows], size)[own]
            known = tallies[name].known[place] - np.bincount(own, minlength=size)[own]
            counts[name] = two_d, known.astype(np.float64)
        relatives = cls(float(labels.mean()), tallies)
        return relatives, _columns(counts, patterns.offsets, relatives.share)

    def features(self, formulas: Sequence[str] | Formulas) -> NDArray[np.float64]:
        """Say how many relatives of each composition are known and 2D; a known one counts among its own relatives.

        Returns
        -------
        ndarray, shape (n, len(feature_labels()))
            Numbers of relatives, and shares of 2D ones among them (drawn towards the share of all where few are known).

        Raises
        ------
        UnparsableFormula, UnknownElement
            For the first bad formula.
        """
        parsed = parse(formulas)
        features = np.empty((len(parsed), len(feature_labels())))
        for place, block in parsed.blocks():
            patterns = patterns_of(block.reduced())
            counts = {name: _look_up(keys, self.tallies[name]) for name, keys in patterns.keys.items()}
            features[place] = _columns(counts, patterns.offsets, self.share)
        return features

    def known_of_family(self, formulas: Sequence[str] | Formulas) -> NDArray[np.int64]:
        """How many known compositions are of the family of each: same amounts, same groups; itself, if it is known.

        Raises
        ------
        UnparsableFormula, UnknownElement
            For the first bad formula.
        """
        keys = patterns_of(parse(formulas).reduced()).keys["families"]
        return _look_up(keys, self.tallies["families"])[1].astype(np.int64)


def families(formulas: Sequence[str] | Formulas) -> NDArray[np.int64]:
    """Number of the family of each composition, from 0: the same amounts of elements of the same groups.

    Parameters
    ----------
    formulas
        Texts, or what `parse` made of them.

    Returns
    -------
    ndarray, shape (n,)
        Equal for those of one family among these.

    Raises
    ------
    UnparsableFormula, UnknownElement
        For the first bad formula.
    """
    _, number = np.unique(patterns_of(parse(formulas).reduced()).keys["families"], return_inverse=True)
    return number.astype(np.int64)


def _tally(keys: NDArray[np.uint64], is_2d: NDArray[np.bool_]) -> tuple[Tally, NDArray[np.int64]]:
    """Count the keys; also the place of each among the counted ones."""
    distinct, place = np.unique(keys.view(np.int64), return_inverse=True)
    two_d = np.bincount(place, is_2d, len(distinct)).astype(np.int32)
    return Tally(distinct, two_d, np.bincount(place, minlength=len(distinct)).astype(np.int32)), place


def _look_up(keys: NDArray[np.uint64], tally: Tally) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    asked = keys.view(np.int64)
    place = np.minimum(np.searchsorted(tally.keys, asked), len(tally.keys) - 1)
    is_known = tally.keys[place] == asked
    return np.where(is_known, tally.two_d[place], 0.0), np.where(is_known, tally.known[place], 0.0)


def _columns(
    counts: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]], offsets: NDArray[np.int64], share: float
) -> NDArray[np.float64]:
    columns: list[NDArray[Any]] = []
    first, nelements = offsets[:-1], np.diff(offsets)
    for name in WHOLE:
        two_d, known = counts[name]
        columns += [two_d, known, _share(two_d, known, share)]
    for name in BY_ELEMENT:
        two_d, known = counts[name]
        shares = _share(two_d, known, share)
        log_odds = np.log(shares / (1 - shares))
        two_d, known = np.add.reduceat(two_d, first), np.add.reduceat(known, first)
        columns += [
            two_d,
            known,
            _share(two_d, known, share),
            np.maximum.reduceat(shares, first),
            np.minimum.reduceat(shares, first),
            np.add.reduceat(log_odds, first) / nelements,
        ]
    return np.column_stack(columns)


def _share(two_d: NDArray[np.float64], known: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    result: NDArray[np.float64] = (two_d + PRIOR_WEIGHT * share) / (known + PRIOR_WEIGHT)
    return result


# --- patterns as 64-bit keys -----------------------------------------------------------------------------------------
# The key of a composition is a sum over its elements, modulo 2^64, of amount times a random number for the element. To
# replace an element by a joker, or by its group, is then to add a difference. Two patterns among a million share a key
# with a probability of 1e-7.


class Patterns(NamedTuple):
    """Keys of compositions by pattern: one for each composition in `WHOLE`, for each of its elements in `BY_ELEMENT`.

    Attributes
    ----------
    keys
        By name of the pattern; equal for what agrees in it.
    rows
        The composition each element belongs to.
    offsets
        Where the elements of each composition begin.
    """

    keys: Keys
    rows: NDArray[np.int64]
    offsets: NDArray[np.int64]


def scattered(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scatter integers over 64 bits: the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014)."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


_CODES: Final = scattered(np.arange(MAX_Z + 1 + len(GROUP_NAMES) + 1, dtype=np.uint64)) | np.uint64(1)
_ELEMENT_CODES: Final = _CODES[: MAX_Z + 1]
_FAMILY_CODES: Final = _CODES[MAX_Z + 1 : -1][FAMILIES]  # by atomic number
_ANY: Final = _CODES[-1]


def patterns_of(reduced: Formulas) -> Patterns:
    """Patterns of reduced formulas."""
    rows, first = reduced.rows, reduced.offsets[:-1]
    amounts = np.round(reduced.amounts * _STEPS).astype(np.uint64)
    element, family = _ELEMENT_CODES[reduced.numbers], _FAMILY_CODES[reduced.numbers]

    def total(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
        return np.add.reduceat(values, first)

    stoichiometry = total(scattered(amounts))
    system = total(scattered(element))
    composition = total(amounts * element)
    families = total(amounts * family)
    keys = {
        "amounts": stoichiometry,
        "families": scattered(families) + stoichiometry,
        "elements": system,
        "element families": total(scattered(family)),
        "one other": scattered(composition[rows] + amounts * (_ANY - element)),
        "one of family": scattered(composition[rows] + amounts * (family - element)),
        "families, one other": scattered(families[rows] + amounts * (_ANY - family)),
        "families, one same": scattered(families[rows] + amounts * (element - family)),
        "role": scattered(amounts * element) + stoichiometry[rows],
        "elements, one other": system[rows] - scattered(element),
        "holds": element,
    }
    return Patterns(keys, rows, reduced.offsets)
