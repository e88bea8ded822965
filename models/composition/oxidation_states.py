"""The sets of oxidation states that a screen can allow, by name or from a mapping, as tables by atomic number.

The facts are smact's (Davies et al., J. Open Source Softw. 4, 1361 (2019)), version 4.0.2, in `smact_elements.json`, as
smact takes seconds to import; tests compare them with what is installed. Knows elements only, no formulas.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any, Final, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from .charge_sums import Charges
from .formula.elements import ATOMIC_NUMBERS, MAX_Z, SYMBOLS
from .oxidation_state_names import OxidationStateSetName

OxidationStates: TypeAlias = OxidationStateSetName | Mapping[str, Sequence[int]]

#: Reports in the ICSD that make a state allowed in ``smact_default`` (``smact.screening.ICSD24FilterConfig``).
SMACT_DEFAULT_CONSENSUS: Final = 3

#: Oxidation states by set, electronegativities, metals; by symbol.
_FACTS: Final[dict[str, Any]] = json.loads(
    files(__package__).joinpath("smact_elements.json").read_text(encoding="utf-8")
)


class BadOxidationStates(ValueError):
    """The name of a set that there is none of, or a mapping that is not one of oxidation states."""


@dataclass(frozen=True, eq=False)
class OxidationStateSet:
    """The states each element may take; ``states[z]`` is sorted and empty for an element that has none."""

    states: tuple[tuple[int, ...], ...]

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Whether the set has states for the element, by atomic number."""
        return np.array([bool(states) for states in self.states])

    @cached_property
    def lowest(self) -> NDArray[np.int64]:
        """The lowest state of each element; 0 for an element without states."""
        return np.array([min(states, default=0) for states in self.states], dtype=np.int64)

    @cached_property
    def most_given(self) -> NDArray[np.int64]:
        """The largest positive charge of each element, 0 where it has none."""
        return np.array([max((*states, 0)) for states in self.states], dtype=np.int64)

    @cached_property
    def most_taken(self) -> NDArray[np.int64]:
        """The largest negative charge of each element, as a positive number, 0 where it has none."""
        return np.maximum(-self.lowest, 0)

    @cached_property
    def zero(self) -> NDArray[np.bool_]:
        """Whether the element may be uncharged."""
        return np.array([0 in states for states in self.states])

    @cached_property
    def above_lowest(self) -> Charges:
        """States counted from the lowest one."""
        return Charges([[state - states[0] for state in states] for states in self.states])

    @cached_property
    def given(self) -> Charges:
        """States from 0 up."""
        return Charges([[state for state in states if state >= 0] for states in self.states])

    @cached_property
    def taken(self) -> Charges:
        """States from 0 down, as positive numbers."""
        return Charges([[-state for state in states if state <= 0] for states in self.states])


def oxidation_state_set(states: OxidationStates | OxidationStateSet = "smact_default") -> OxidationStateSet:
    """Look up a named set, or make one of a mapping from symbol to states.

    Raises
    ------
    BadOxidationStates
        For an unknown name, an unknown element, or a state that is not a whole number.
    """
    if isinstance(states, OxidationStateSet):
        return states
    if isinstance(states, str):
        return _named(states)
    return _from_mapping(states)


@lru_cache(maxsize=len(get_args(OxidationStateSetName)))
def _named(name: str) -> OxidationStateSet:
    if name not in _FACTS["oxidation_states"]:
        msg = f"there is no set of oxidation states {name!r}: take one of {', '.join(get_args(OxidationStateSetName))}"
        raise BadOxidationStates(msg)
    return _from_mapping(_FACTS["oxidation_states"][name])


def _from_mapping(mapping: Mapping[str, Sequence[int]]) -> OxidationStateSet:
    states: list[tuple[int, ...]] = [()] * (MAX_Z + 1)
    for symbol, values in mapping.items():
        if symbol not in ATOMIC_NUMBERS:
            msg = f"oxidation states given for {symbol!r}, which is no element"
            raise BadOxidationStates(msg)
        if any(int(value) != value for value in values):
            msg = f"the oxidation states of {symbol} are not whole numbers: {list(values)}"
            raise BadOxidationStates(msg)
        states[ATOMIC_NUMBERS[symbol]] = tuple(sorted({int(value) for value in values}))
    return OxidationStateSet(tuple(states))


def _smact_electronegativities() -> NDArray[np.float64]:
    values = np.full(MAX_Z + 1, np.nan)
    for symbol, value in _FACTS["electronegativities"].items():
        values[ATOMIC_NUMBERS[symbol]] = np.nan if value is None else value
    return values


#: Pauling electronegativity by atomic number as smact has it; NaN where it has none (He, Ne, Ar, Pm, Rn, Lr, ...).
SMACT_ELECTRONEGATIVITIES: Final = _smact_electronegativities()

#: Whether smact counts the element among its metals, by atomic number.
SMACT_METALS: Final[NDArray[np.bool_]] = np.isin(np.array(SYMBOLS), np.array(_FACTS["metals"]))
