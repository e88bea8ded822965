"""How familiar the ions of a composition are with each other, by how often known compounds hold them together.

Charge neutrality and electronegativity balance let pass what no chemist would try: HBrO, CoCuHI, AgIBrF. What these
have in common are pairs of ions that known compounds hardly ever hold together: oxidation states that exclude each
other, anions that don't mix. After Davies et al., Faraday Discuss. 211, 553 (2018), who count cations beside anions;
here any two ions are counted, and each cation in company of all kinds of anions of its compound, and compared with what
chance would give. What pairs and company leave out are electrons without a partner, as in In2SCl.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .formula.elements import SYMBOLS
from .formula.formula_arrays import Formulas
from .formula.parsing import parse
from .ion_company import has_odd_electron, kinds_of_anions
from .oxidation_states import OxidationStates, OxidationStateSet, oxidation_state_set
from .screening import is_balanced, neutral_choices, whole_amounts

_BUNDLED: Final = "ion_pairs.npz"
_ROUNDS: Final = 5
"""After so many rounds of weighing the choices of oxidation states by each other nothing changes any more."""
_SEEN_BEFORE: Final = 0.3
_EXPECTED_BEFORE: Final = 6.0
"""Added to what was seen and what chance gives, so that rare ions are not judged by a handful of compounds."""
_LEAST: Final = 0.05
"""Pairs of less weight are as good as never seen, and left out."""
_ODD_ELECTRON: Final = 0.75
"""Decades that an electron without a partner costs. Of balanced compositions without open shells 15 % of 2,207 known
ones, left out by family, have one, of 1,018 drawn ones with P(2D) >= 0.95 49 %."""
_MOST_CHOICES: Final = 20_000

Ion = tuple[int, int]
"""Atomic number and oxidation state."""


class Pair(NamedTuple):
    """Two ions, in how many of the known compounds they are together, and in how many they would be by chance."""

    ions: tuple[str, str]
    seen: float
    expected: float


@dataclass(frozen=True, eq=False)
class IonPairs:
    """How often ions, and pairs of them, occur in known compounds.

    Attributes
    ----------
    single
        Known compounds with the ion, as a sum of weights, where oxidation states are not certain.
    pairs
        Known compounds with both; the keys are in ascending order.
    anions
        Known compounds by their kinds of anions, as of `kinds_of_anions`.
    company
        Known compounds by a cation and their kinds of anions.
    compounds
        How many there are.
    """

    single: dict[Ion, float]
    pairs: dict[tuple[Ion, Ion], float]
    anions: dict[int, float]
    company: dict[tuple[Ion, int], float]
    compounds: int

    def to_bytes(self) -> bytes:
        """Pack it."""
        ions = sorted(self.single)
        place = {ion: index for index, ion in enumerate(ions)}
        kept = sorted(pair for pair, weight in self.pairs.items() if weight >= _LEAST)
        kinds = sorted(self.anions)
        met = sorted(key for key, weight in self.company.items() if weight >= _LEAST)
        buffer = BytesIO()
        np.savez_compressed(
            buffer,
            ions=np.array(ions, dtype=np.int8),
            single=np.array([self.single[ion] for ion in ions], dtype=np.float32),
            pairs=np.array([(place[a], place[b]) for a, b in kept], dtype=np.uint16),
            together=np.array([self.pairs[pair] for pair in kept], dtype=np.float16),
            kinds=np.array(kinds, dtype=np.uint8),
            anions=np.array([self.anions[kind] for kind in kinds], dtype=np.float32),
            met=np.array([(place[ion], kind) for ion, kind in met], dtype=np.uint16),
            company=np.array([self.company[key] for key in met], dtype=np.float32),
            compounds=np.array(self.compounds),
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, packed: bytes) -> IonPairs:
        """Unpack what `to_bytes` packed."""
        with np.load(BytesIO(packed), allow_pickle=False) as table:
            ions = [(int(z), int(state)) for z, state in table["ions"]]
            single = dict(zip(ions, table["single"].tolist(), strict=True))
            keys = [(ions[a], ions[b]) for a, b in table["pairs"].tolist()]
            pairs = dict(zip(keys, table["together"].astype(float).tolist(), strict=True))
            anions = dict(zip(table["kinds"].tolist(), table["anions"].tolist(), strict=True))
            met = [(ions[place], kind) for place, kind in table["met"].tolist()]
            company = dict(zip(met, table["company"].tolist(), strict=True))
            return cls(single, pairs, anions, company, int(table["compounds"]))

    def expected(self, first: Ion, second: Ion) -> float:
        """Known compounds that would hold both if ions met by chance."""
        return self.single.get(first, 0.0) * self.single.get(second, 0.0) / max(self.compounds, 1)

    def surprise(self, first: Ion, second: Ion) -> float:
        """Logarithm (base 10) of how much rarer than by chance two ions meet; 0 where they don't."""
        return _rarer(self.pairs.get((first, second), 0.0), self.expected(first, second))

    def surprise_of_company(self, cation: Ion, kinds: int) -> float:
        """The same of a cation and all the kinds of anions beside it."""
        expected = self.single.get(cation, 0.0) * self.anions.get(kinds, 0.0) / max(self.compounds, 1)
        return _rarer(self.company.get((cation, kinds), 0.0), expected)


def learn(formulas: Sequence[str] | Formulas, oxidation_states: OxidationStates = "smact_default") -> IonPairs:
    """Count ions and pairs of them in known compounds.

    Where a compound is neutral and balanced by several choices of oxidation states, they share it: first equally, then
    each as likely as the ions and pairs of all compounds make it, and so on until nothing changes (expectation
    maximisation). Elements, and compounds without such a choice, are passed over.

    Raises
    ------
    UnparsableFormula, UnknownElement
        For the first bad formula.
    """
    possible = [choices for choices in _choices(formulas, oxidation_state_set(oxidation_states)) if choices]
    weights = [[1 / len(choices)] * len(choices) for choices in possible]
    counted = _count(possible, weights)
    for _ in range(_ROUNDS):
        weights = [_shares(counted, choices) for choices in possible]
        counted = _count(possible, weights)
    return counted


@cache
def bundled() -> IonPairs:
    """The pairs of the compounds of the Materials Project that lie at most 0.05 eV/atom above its hull.

    Those of 72,261 compositions with a published decomposition energy (Bartel et al., npj Comput. Mater. 6, 97 (2020));
    ``tests/learnt/fit_ion_pairs.py --write`` makes it again.
    """
    return IonPairs.from_bytes((files(__package__) / _BUNDLED).read_bytes())


def familiarity(
    formulas: Sequence[str] | Formulas,
    known: IonPairs | None = None,
    oxidation_states: OxidationStates | OxidationStateSet = "smact_default",
) -> NDArray[np.float64]:
    """Familiarity of compositions: 0 where no ions meet more rarely than by chance, -2 where 100 times more rarely.

    The sum over all pairs of ions, and over all cations with the kinds of anions beside them, of the logarithm (base
    10) of how much rarer than by chance they are together in known compounds, for the choice of oxidation states that
    has the highest sum. An odd number of electrons, where no element has an open shell, costs `_ODD_ELECTRON` more.

    Parameters
    ----------
    formulas
        Texts, or what `parse` made of them.
    known
        What is known; the bundled pairs when None.
    oxidation_states
        The states that are allowed.

    Returns
    -------
    ndarray
        Shape (n,); NaN for an element, and where no choice of states is neutral and balanced.
    """
    known = known or bundled()
    parsed = parse(formulas)
    return np.array(
        [
            max((_total(known, choice) for choice in choices), default=math.nan) - _ODD_ELECTRON * odd
            for choices, odd in zip(
                _choices(parsed, oxidation_state_set(oxidation_states)), _odd_electrons(parsed), strict=True
            )
        ],
        dtype=float,
    )


def rarest_pair(formula: str, known: IonPairs | None = None) -> Pair | None:
    """The two ions of a composition that are the most unfamiliar with each other; None where none is charged so.

    Raises
    ------
    UnparsableFormula, UnknownElement
        For a bad formula.
    """
    known = known or bundled()
    [choices] = _choices([formula], oxidation_state_set())
    if not choices:
        return None
    likeliest = max(choices, key=lambda choice: _total(known, choice))
    first, second = min(itertools.combinations(likeliest, 2), key=lambda pair: known.surprise(*pair))
    return Pair((_name(first), _name(second)), known.pairs.get((first, second), 0.0), known.expected(first, second))


def likely_states(formula: str, known: IonPairs | None = None) -> list[tuple[tuple[str, ...], float]]:
    """Neutral and balanced choices of oxidation states of a composition with their shares, the likeliest first.

    How likely each is follows from how often the ions, and each two of them together, are in known compounds. All atoms
    of an element have one state, so that magnetite has no choice.

    Returns
    -------
    list
        Names of the ions, as ``Fe3+``, and their share; the shares sum to one. Empty for an element, and where no
        choice is neutral and balanced.

    Raises
    ------
    UnparsableFormula, UnknownElement
        For a bad formula.
    """
    [choices] = _choices([formula], oxidation_state_set())
    if not choices:
        return []
    shares = _shares(known or bundled(), choices)
    order = sorted(range(len(choices)), key=lambda place: -shares[place])
    return [(tuple(_name(ion) for ion in choices[place]), shares[place]) for place in order]


def _choices(formulas: Sequence[str] | Formulas, allowed: OxidationStateSet) -> Iterable[list[tuple[Ion, ...]]]:
    """Neutral and balanced choices of one ion for each element, by formula; none for elements."""
    parsed = parse(formulas)
    amounts = whole_amounts(parsed)
    for index in range(len(parsed)):
        part = slice(int(parsed.offsets[index]), int(parsed.offsets[index + 1]))
        numbers = parsed.numbers[part].tolist()
        states = [allowed.states[z] for z in numbers]
        if len(numbers) < 2 or math.prod(map(len, states)) > _MOST_CHOICES:
            yield []
            continue
        neutral = neutral_choices(states, amounts[part].tolist()) if all(states) else ()
        yield [tuple(zip(numbers, choice, strict=True)) for choice in neutral if is_balanced(numbers, choice)]


def _odd_electrons(parsed: Formulas) -> Iterable[bool]:
    amounts = whole_amounts(parsed)
    for start, end in itertools.pairwise(parsed.offsets.tolist()):
        yield has_odd_electron(parsed.numbers[start:end].tolist(), amounts[start:end].tolist())


def _count(possible: list[list[tuple[Ion, ...]]], weights: list[list[float]]) -> IonPairs:
    single: dict[Ion, float] = defaultdict(float)
    pairs: dict[tuple[Ion, Ion], float] = defaultdict(float)
    anions: dict[int, float] = defaultdict(float)
    company: dict[tuple[Ion, int], float] = defaultdict(float)
    for choices, shares in zip(possible, weights, strict=True):
        for choice, share in zip(choices, shares, strict=True):
            kinds = kinds_of_anions(choice)
            anions[kinds] += share
            for ion in choice:
                single[ion] += share
                if ion[1] > 0:
                    company[ion, kinds] += share
            for pair in itertools.combinations(choice, 2):
                pairs[pair] += share
    return IonPairs(dict(single), dict(pairs), dict(anions), dict(company), len(possible))


def _shares(known: IonPairs, choices: list[tuple[Ion, ...]]) -> list[float]:
    if len(choices) == 1:
        return [1.0]
    likely = [
        math.prod(known.single[ion] / known.compounds for ion in choice) * 10 ** _sum(known, choice)
        for choice in choices
    ]
    total = math.fsum(likely)
    return [one / total for one in likely] if total else [1 / len(choices)] * len(choices)


def _sum(known: IonPairs, choice: tuple[Ion, ...]) -> float:
    return math.fsum(known.surprise(*pair) for pair in itertools.combinations(choice, 2))


def _total(known: IonPairs, choice: tuple[Ion, ...]) -> float:
    kinds = kinds_of_anions(choice)
    return _sum(known, choice) + math.fsum(known.surprise_of_company(ion, kinds) for ion in choice if ion[1] > 0)


def _rarer(seen: float, expected: float) -> float:
    """Logarithm (base 10) of how much rarer than by chance something is; 0 where it isn't."""
    return min(0.0, math.log10((seen + _SEEN_BEFORE) / (expected + _EXPECTED_BEFORE)))


def _name(ion: Ion) -> str:
    number, state = ion
    size = "" if abs(state) == 1 else str(abs(state))
    return f"{SYMBOLS[number]}{size}{'+' if state > 0 else '-'}"
