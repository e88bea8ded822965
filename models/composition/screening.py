"""Charge neutrality and electronegativity balance of compositions: smact's rules, a million formulas a second.

Charge neutral: some choice of one allowed oxidation state for each element sums to zero. Electronegativity balanced: in
some such choice every cation is less electronegative than every anion. Knows formulas and oxidation states, not where
either comes from.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from . import charge_sums
from .formula.formula_arrays import Formulas
from .formula.parsing import parse
from .formula.single_formula import UnparsableFormula
from .oxidation_states import (
    SMACT_ELECTRONEGATIVITIES,
    SMACT_METALS,
    OxidationStates,
    OxidationStateSet,
    oxidation_state_set,
)

#: Widest sets of charges (words of 64) that are worked out together. Few compositions need more, and for a few the
#: long integers of Python are faster.
_MAX_WORDS: Final = 2

#: Widest sets kept as long integers; for amounts beyond that, the choices of states are tried one after the other.
_MAX_LONG_WORDS: Final = 1 << 12

#: Amounts that are not whole are read as fractions with a common denominator up to this, or rounded to 1 / this.
_MAX_DENOMINATOR: Final = 10**6

#: Compositions worked through at a time, so that their sets stay in the processor's cache.
_GROUP: Final = 1 << 15

_WORD_SHIFT: Final = charge_sums.WORD.bit_length() - 1
_AMOUNT_BITS: Final = 44
_NUMBER_BITS: Final = 8


class Screening(NamedTuple):
    """Verdicts, each of shape (n,)."""

    charge_neutral: NDArray[np.bool_]
    electronegativity_balanced: NDArray[np.bool_]


def screen(
    formulas: Sequence[str] | Formulas, oxidation_states: OxidationStates | OxidationStateSet = "smact_default"
) -> Screening:
    """Screen formulas by charge neutrality and electronegativity balance.

    The verdicts are those of smact 4: `charge_neutral` of ``smact_validity(f, use_pauling_test=False,
    include_alloys=False)``, `electronegativity_balanced` of the same with ``use_pauling_test=True``. So an element by
    itself passes both; a composition with an element that has no states in the set passes neither (`without_states`
    tells which), one with an element without electronegativity is not balanced; the two elements of a bond must differ
    in electronegativity. Metals alone are not let pass as alloys: `all_metals` tells them.
    Amounts that are not whole are scaled up to whole ones, where smact would cut off their decimals.

    Parameters
    ----------
    formulas
        Texts, or what `parse` made of them.
    oxidation_states
        The name of a set (see `OxidationStateSetName`) or a mapping from symbol to allowed states.

    Raises
    ------
    UnparsableFormula, UnknownElement
        For the first bad formula; `parse_or_report` sorts bad ones out beforehand.
    BadOxidationStates

    Notes
    -----
    Davies et al., Chem 1, 617 (2016) for the rules; smact 4 for the sets.
    """
    allowed = oxidation_state_set(oxidation_states)
    parsed = parse(formulas)
    nelements = parsed.nelements
    neutral = nelements == 1
    balanced = neutral.copy()
    amounts = whole_amounts(parsed)
    possible = ~without_states(parsed, allowed)
    for count in np.flatnonzero(np.bincount(nelements[possible], minlength=2)[2:]) + 2:
        members = np.flatnonzero(possible & (nelements == count))
        for start in range(0, len(members), _GROUP):
            rows = members[start : start + _GROUP]
            entries = parsed.offsets[rows] + np.arange(count)[:, None]
            verdicts = _screen_group(parsed.numbers[entries], amounts[entries], allowed)
            neutral[rows] = verdicts.charge_neutral
            balanced[rows] = verdicts.electronegativity_balanced
    return Screening(neutral, balanced)


def all_metals(formulas: Sequence[str] | Formulas) -> NDArray[np.bool_]:
    """Whether a composition is of metals alone (smact's list), which ``smact_validity`` by default lets pass as alloy.

    Raises
    ------
    UnparsableFormula, UnknownElement
        For the first bad formula.
    """
    parsed = parse(formulas)
    result = parsed.nelements > 0
    result[parsed.rows[~SMACT_METALS[parsed.numbers]]] = False
    return result


def without_states(
    formulas: Sequence[str] | Formulas, oxidation_states: OxidationStates | OxidationStateSet = "smact_default"
) -> NDArray[np.bool_]:
    """Whether a composition has an element without states in the set, so that `screen` cannot but refuse it.

    Raises
    ------
    UnparsableFormula, UnknownElement
        For the first bad formula.
    BadOxidationStates
    """
    parsed = parse(formulas)
    result = np.zeros(len(parsed), dtype=bool)
    result[parsed.rows[~oxidation_state_set(oxidation_states).known[parsed.numbers]]] = True
    return result


# --- compositions of equally many elements together ------------------------------------------------------------------


def _electronegativity_places() -> NDArray[np.int64]:
    """Place of each element in the order of electronegativity; equal ones share a place, those without one are last."""
    values = np.where(np.isnan(SMACT_ELECTRONEGATIVITIES), np.inf, SMACT_ELECTRONEGATIVITIES)
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


_PLACES: Final = _electronegativity_places()
_ORDER_KEYS: Final = (_PLACES << _NUMBER_BITS) | np.arange(len(_PLACES))
_HAS_ELECTRONEGATIVITY: Final = ~np.isnan(SMACT_ELECTRONEGATIVITIES)


def _screen_group(numbers: NDArray[np.uint8], amounts: NDArray[np.int64], allowed: OxidationStateSet) -> Screening:
    """Screen compositions whose elements all have states; both arrays of shape (elements, n)."""
    elements, amounts = _by_electronegativity(numbers, amounts)
    words = _words_to_balance(elements, amounts, allowed)
    wide = np.flatnonzero(words > 1)
    if len(wide):
        amounts[:, wide] //= np.gcd.reduce(amounts[:, wide], axis=0)
        words[wide] = _words_to_balance(elements[:, wide], amounts[:, wide], allowed)
    balanced = _by_width(_balanced, elements, amounts, allowed, words)
    neutral = balanced.copy()
    rest = np.flatnonzero(~balanced)
    elements, amounts = elements[:, rest], amounts[:, rest]
    words = _words_to_neutralise(elements, amounts, allowed)
    neutral[rest] = _by_width(_neutral, elements, amounts, allowed, words)
    return Screening(neutral, balanced)


def _by_electronegativity(
    numbers: NDArray[np.uint8], amounts: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Sort the elements of each composition; few columns and many rows want exchanges of columns."""
    columns = list((_ORDER_KEYS[numbers] << _AMOUNT_BITS) | amounts)
    for last in range(len(columns) - 1, 0, -1):
        for left in range(last):
            low, high = columns[left], columns[left + 1]
            columns[left], columns[left + 1] = np.minimum(low, high), np.maximum(low, high)
    keys = np.stack(columns)
    return (keys >> _AMOUNT_BITS) & ((1 << _NUMBER_BITS) - 1), keys & ((1 << _AMOUNT_BITS) - 1)


def _words_to_balance(
    elements: NDArray[np.intp], amounts: NDArray[np.int64], allowed: OxidationStateSet
) -> NDArray[np.int64]:
    """Words that hold all that the first elements can give and the others take, wherever they are cut in two."""
    most = np.zeros(elements.shape[1], dtype=np.int64)
    taken = allowed.most_taken[elements] * amounts
    left = functools.reduce(np.add, taken)
    given = np.zeros_like(most)
    for cut in range(1, len(elements)):
        given += allowed.most_given[elements[cut - 1]] * amounts[cut - 1]
        left -= taken[cut - 1]
        np.maximum(most, np.minimum(given, left), out=most)
    return _words(most)


def _words_to_neutralise(
    elements: NDArray[np.intp], amounts: NDArray[np.int64], allowed: OxidationStateSet
) -> NDArray[np.int64]:
    return _words(-functools.reduce(np.add, allowed.lowest[elements] * amounts))


def _words(charges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Words for charges up to these, rounded up to a power of two so that few widths occur."""
    words = (np.maximum(charges, 0) >> _WORD_SHIFT) + 1
    wide = np.flatnonzero(words > 1)
    words[wide] = 1 << np.ceil(np.log2(words[wide])).astype(np.int64)
    return words


class _Test(Protocol):
    def __call__(
        self, elements: NDArray[np.intp], amounts: NDArray[np.int64], allowed: OxidationStateSet, words: int
    ) -> NDArray[np.bool_]: ...


def _by_width(
    test: _Test,
    elements: NDArray[np.intp],
    amounts: NDArray[np.int64],
    allowed: OxidationStateSet,
    words: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Apply the test with one word to all, then again to those that need wider sets, equally wide ones together."""
    result = test(elements, amounts, allowed, 1)
    wide = np.flatnonzero(words > 1)
    for width in np.unique(words[wide]).tolist():
        members = wide[words[wide] == width]
        part = elements[:, members], amounts[:, members]
        if width <= _MAX_WORDS:
            result[members] = test(*part, allowed, width)
        else:
            test_one = _one_balanced if test is _balanced else _one_neutral
            compositions = zip(part[0].T.tolist(), part[1].T.tolist(), strict=True)
            result[members] = [test_one(z, n, allowed, width) for z, n in compositions]
    return result


def _neutral(
    elements: NDArray[np.intp], amounts: NDArray[np.int64], allowed: OxidationStateSet, words: int
) -> NDArray[np.bool_]:
    """Count charges from the lowest state of each element up, so that none is negative and zero becomes `target`."""
    target = -functools.reduce(np.add, allowed.lowest[elements] * amounts)
    sums = allowed.above_lowest.alone(elements[0], amounts[0], words)
    for column, amount in zip(elements[1:], amounts[1:], strict=True):
        sums = allowed.above_lowest.added(sums, column, amount)
    return charge_sums.holds(sums, target)


def _balanced(
    elements: NDArray[np.intp], amounts: NDArray[np.int64], allowed: OxidationStateSet, words: int
) -> NDArray[np.bool_]:
    """Cut the elements, sorted by electronegativity, in two: the first ones give what the others take."""
    count, n = elements.shape
    given = [charge_sums.only_zero(words, n), allowed.given.alone(elements[0], amounts[0], words)]
    for column, amount in zip(elements[1 : count - 1], amounts[1 : count - 1], strict=True):
        given.append(allowed.given.added(given[-1], column, amount))
    taken = allowed.taken.alone(elements[-1], amounts[-1], words)
    result = np.zeros(n, dtype=bool)
    for cut in range(count - 1, 0, -1):
        if cut < count - 1:
            taken = allowed.taken.added(taken, elements[cut], amounts[cut])
        # Equally electronegative elements cannot be on different sides.
        different = _PLACES[elements[cut - 1]] != _PLACES[elements[cut]]
        result |= charge_sums.share_a_charge(given[cut], taken) & different
    if allowed.zero.any():  # no element gives or takes anything
        result |= functools.reduce(np.logical_and, allowed.zero[elements])
    for column in elements:
        result &= _HAS_ELECTRONEGATIVITY[column]
    return result


# --- single compositions ---------------------------------------------------------------------------------------------


def whole_amounts(formulas: Formulas) -> NDArray[np.int64]:
    """Amounts as whole numbers; a formula with fractions is scaled up."""
    amounts = np.round(formulas.amounts).astype(np.int64)
    for index in np.flatnonzero(~formulas.whole()).tolist():
        part = slice(int(formulas.offsets[index]), int(formulas.offsets[index + 1]))
        written = formulas.amounts[part].tolist()
        fractions = [Fraction(amount).limit_denominator(_MAX_DENOMINATOR) for amount in written]
        scale = math.lcm(*(fraction.denominator for fraction in fractions))
        if scale > _MAX_DENOMINATOR:  # no fractions but measured numbers
            scale = _MAX_DENOMINATOR
        scaled = [round(fraction * scale) for fraction in fractions]
        if max(scaled) >= 1 << _AMOUNT_BITS or not all(scaled):
            composition = formulas.composition(index)
            raise UnparsableFormula(
                composition, f"its amounts have no common measure of {1 / _MAX_DENOMINATOR:g} or more"
            )
        amounts[part] = scaled
    return amounts


def _one_neutral(elements: list[int], amounts: list[int], allowed: OxidationStateSet, words: int) -> bool:
    """As `_neutral`, for one composition and charges of any size."""
    if words > _MAX_LONG_WORDS:
        return any(neutral_choices([allowed.states[z] for z in elements], amounts))
    sums, target = 1, 0
    for element, amount in zip(elements, amounts, strict=True):
        states = allowed.states[element]
        sums = functools.reduce(operator.or_, (sums << amount * (state - states[0]) for state in states))
        target -= amount * states[0]
    return target >= 0 and bool(sums >> target & 1)


def _one_balanced(elements: list[int], amounts: list[int], allowed: OxidationStateSet, words: int) -> bool:
    """As `_balanced`, for one composition and charges of any size."""
    states = [allowed.states[element] for element in elements]
    if words > _MAX_LONG_WORDS:
        return any(is_balanced(elements, choice) for choice in neutral_choices(states, amounts))
    if not _HAS_ELECTRONEGATIVITY[elements].all():
        return False
    given = [1]
    for choices, amount in zip(states, amounts, strict=True):
        shifted = (given[-1] << amount * state for state in choices if state >= 0)
        given.append(functools.reduce(operator.or_, shifted, 0))
    taken = 1
    for cut in range(len(elements) - 1, 0, -1):
        shifted = (taken << amounts[cut] * -state for state in states[cut] if state <= 0)
        taken = functools.reduce(operator.or_, shifted, 0)
        if given[cut] & taken and _PLACES[elements[cut - 1]] != _PLACES[elements[cut]]:
            return True
    return all(0 in choices for choices in states)


def neutral_choices(states: Sequence[Sequence[int]], amounts: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """One state for each element so that the charges sum to zero; the last element's follows from the others'."""
    *free, bound = states
    for choice in itertools.product(*free):
        missing = -sum(state * amount for state, amount in zip(choice, amounts, strict=False))
        state, remainder = divmod(missing, amounts[-1])
        if not remainder and state in bound:
            yield (*choice, state)


def is_balanced(numbers: Sequence[int], states: Sequence[int]) -> bool:
    """Whether, with these oxidation states, every cation is less electronegative than every anion."""
    values = [float(SMACT_ELECTRONEGATIVITIES[z]) for z in numbers]
    if any(map(math.isnan, values)):
        return False
    cations = [value for value, state in zip(values, states, strict=True) if state > 0]
    anions = [value for value, state in zip(values, states, strict=True) if state < 0]
    return not cations or not anions or max(cations) < min(anions)
