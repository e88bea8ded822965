"""Sets of oxidation states hold what smact holds."""

import pytest
import smact
from exfolio.models.composition.formula.elements import ATOMIC_NUMBERS
from exfolio.models.composition.oxidation_states import (
    SMACT_ELECTRONEGATIVITIES,
    SMACT_METALS,
    BadOxidationStates,
    oxidation_state_set,
)
from smact.utils.oxidation import ICSD24OxStatesFilter

ATTRIBUTES = {
    "icsd24": "oxidation_states_icsd24",
    "icsd16": "oxidation_states_icsd16",
    "smact14": "oxidation_states_smact14",
    "pymatgen_sp": "oxidation_states_sp",
    "wiki": "oxidation_states_wiki",
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_named_set_is_smacts(name: str) -> None:
    states = oxidation_state_set(name).states  # type: ignore[arg-type]
    for symbol in smact.ordered_elements(1, 103):
        expected = getattr(smact.Element(symbol), ATTRIBUTES[name]) or []
        assert states[ATOMIC_NUMBERS[symbol]] == tuple(sorted(expected))


def test_the_default_is_the_icsd_of_2024_with_three_reports_or_more() -> None:
    states = oxidation_state_set().states
    table = ICSD24OxStatesFilter().filter(consensus=3, include_zero=False, commonality="low")
    for symbol, listed in zip(table["element"], table["oxidation_state"], strict=True):
        assert states[ATOMIC_NUMBERS[symbol]] == tuple(sorted(int(state) for state in listed.split()))
    assert sum(bool(held) for held in states) == len(table)
    assert states[ATOMIC_NUMBERS["O"]] == (-2, -1, 2)
    assert states[ATOMIC_NUMBERS["Mn"]] == (-1, 1, 2, 3, 4, 5, 6, 7)
    assert states != oxidation_state_set("icsd24").states


def test_a_mapping_makes_a_set() -> None:
    given = oxidation_state_set({"Fe": [3, 2, 3], "O": (-2,), "D": [1]})
    assert given.states[26] == (2, 3)
    assert given.states[1] == (1,)
    assert given.known.sum() == 3
    assert oxidation_state_set(given) is given


@pytest.mark.parametrize("mapping", [{"Xx": [1]}, {"Fe": [2.5]}])
def test_a_mapping_of_anything_else_is_refused(mapping: dict[str, list[int]]) -> None:
    with pytest.raises(BadOxidationStates, match=r"Xx|Fe"):
        oxidation_state_set(mapping)


def test_electronegativities_and_metals_are_smacts() -> None:
    for symbol in smact.metals:
        number = ATOMIC_NUMBERS[symbol]
        assert SMACT_ELECTRONEGATIVITIES[number] == smact.Element(symbol).pauling_eneg
        assert SMACT_METALS[number] == (symbol in smact.metals)
    assert SMACT_ELECTRONEGATIVITIES[ATOMIC_NUMBERS["He"]] != SMACT_ELECTRONEGATIVITIES[ATOMIC_NUMBERS["He"]]
