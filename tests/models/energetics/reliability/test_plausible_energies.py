"""Which energies can't be those of a phase, and which are doubted, told by real compounds."""

import pytest
from exfolio.models.energetics.entry import Entry
from exfolio.models.energetics.formation import element_references
from exfolio.models.energetics.reliability.plausible_energies import doubts, element_fault, formation_faults
from exfolio.models.potential.reference_elements import TABULATED

# eV/atom, PBE of the Materials Project with its corrections of 2020.
OXIDES = [
    *(Entry("Li", -1.909, "Li"), Entry("Fe", -8.470, "Fe"), Entry("O2", -4.948, "O2")),
    *(Entry("Li2O", -4.98, "Li2O"), Entry("Fe2O3", -6.79, "Fe2O3"), Entry("FeO", -6.69, "FeO")),
    *(Entry("LiFeO2", -6.13, "LiFeO2"), Entry("LiFe5O8", -6.64, "LiFe5O8"), Entry("Li5FeO4", -5.60, "Li5FeO4")),
]


def doubted(*more: Entry) -> set[str]:
    entries = [*OXIDES, *more]
    return {entries[i].name for i in doubts(entries, element_references(entries))}


@pytest.mark.parametrize("energy", [-600.0, 4.0 - 2 * -4.95, -15.0])
def test_an_energy_beyond_all_formation_energies_is_told_with_the_elements_it_is_against(energy: float) -> None:
    faults = formation_faults([Entry("MgO", -6.3), Entry("MgO2", energy), Entry("ZnO", -4.6)], _elements())
    assert list(faults) == [1]
    assert "against Mg-hcp, O2-molecule" in faults[1]


def test_the_most_stable_fluorides_and_a_free_atom_are_taken() -> None:
    # LaF3 has -4.51 and ThF4 -4.52 eV/atom in the Materials Project; tungsten binds its atoms by 8.9 eV
    elements = {symbol: Entry(symbol, TABULATED[symbol], symbol) for symbol in ("La", "Th", "F", "W")}
    lanthanum, thorium = (TABULATED[symbol] for symbol in ("La", "Th"))
    entries = [
        Entry("LaF3", (lanthanum + 3 * TABULATED["F"]) / 4 - 4.51),
        Entry("ThF4", (thorium + 4 * TABULATED["F"]) / 5 - 4.52),
        Entry("W", TABULATED["W"] + 8.9),
    ]
    assert formation_faults(entries, elements) == {}


@pytest.mark.parametrize(
    ("symbol", "energy", "is_fault"),
    [("O", -4.95, False), ("O", -600.0, True), ("O", -6.0, True), ("Gd", -4.6, False), ("Pu", -30.0, True)],
)
def test_an_element_far_below_its_ground_state_is_a_fault(symbol: str, energy: float, is_fault: bool) -> None:
    assert (element_fault(symbol, energy, TABULATED) is not None) == is_fault


def test_a_form_far_below_all_others_of_its_composition_is_doubted() -> None:
    assert doubted() == set()
    assert doubted(Entry("LiFeO2", -6.05, "layered")) == set()
    assert doubted(Entry("LiFeO2", -7.33, "too low")) == {"too low"}
    assert doubted(Entry("O2", -6.2, "low O2")) >= {"low O2"}


def test_a_poor_form_makes_no_ground_state_doubtful() -> None:
    # An inverse Heusler phase that is not bound lies 3 eV/atom above Al Ti Ir2, which is right
    assert doubted(Entry("Fe2O3", -4.0, "unbound")) == set()


def test_of_three_elements_one_far_below_the_hull_of_all_others_is_doubted_and_of_two_none() -> None:
    assert doubted(Entry("Li3FeO3", -7.2, "alone")) == {"alone"}
    without_others = [entry for entry in OXIDES if entry.name not in ("FeO",)]
    assert doubts(without_others, element_references(without_others)) == {}


def _elements() -> dict[str, Entry]:
    return {
        "Mg": Entry("Mg", -1.6, "Mg-hcp"),
        "O": Entry("O2", -4.95, "O2-molecule"),
    }
