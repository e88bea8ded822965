"""Documents of one structure that are one material, and magnetic states and energies that tell them apart."""

from typing import Any

import pytest
from exfolio.builders.materials.value_sharing import disagreement, energy_difference, other_moments, sharing

Doc = dict[str, Any]


def iron_oxide(name: str, moments: list[float] | None = None, **values: Any) -> Doc:
    """FeO with moments of its sites, as the calculation left them; values by one source and method."""
    sites = [{"properties": {} if moments is None else {"magmom": one}} for one in moments or [0.0] * 4]
    methods = dict.fromkeys(values, "GGA+U")
    return {"material_id": name, "source": "mp", "structure": {"sites": sites}, "methods": methods, **values}


FERROMAGNET, ANTIFERROMAGNET = [3.7, 3.7, 0.1, 0.1], [3.7, -3.7, 0.0, 0.0]


@pytest.mark.parametrize(
    ("first", "second", "relation"),
    [
        (iron_oxide("a", FERROMAGNET), iron_oxide("b", ANTIFERROMAGNET), "other magnetic state"),
        (iron_oxide("a", FERROMAGNET), iron_oxide("b", [0.0] * 4), "other magnetic state"),
        (iron_oxide("a", ANTIFERROMAGNET), iron_oxide("b", [0.0] * 4), "other magnetic state"),
        (iron_oxide("a", magnetization=7.6), iron_oxide("b", ANTIFERROMAGNET), "other magnetic state"),
        (iron_oxide("a", magnetization=7.6), iron_oxide("b", magnetization=-7.4), None),
        (iron_oxide("a", FERROMAGNET), iron_oxide("b", FERROMAGNET * 2), None),
        (iron_oxide("a", FERROMAGNET), iron_oxide("b", [3.4, 3.4, 0.1, 0.1]), None),
        (iron_oxide("a", FERROMAGNET), iron_oxide("b"), None),
        (iron_oxide("a", formation_energy=-1.40), iron_oxide("b", formation_energy=-1.36), "other energy"),
        (iron_oxide("a", formation_energy=-1.40), iron_oxide("b", formation_energy=-1.39), None),
        (iron_oxide("a", energy_per_atom=-6.0), iron_oxide("b", formation_energy=-1.39), None),
    ],
)
def test_what_disagrees_is_not_one_material(first: Doc, second: Doc, relation: str | None) -> None:
    found = disagreement(first, second)

    assert (found and found["relation"]) == relation
    assert (disagreement(second, first) is None) == (found is None)


def test_energies_are_compared_within_one_source_and_method_only() -> None:
    first, second = iron_oxide("a", formation_energy=-1.4), iron_oxide("b", formation_energy=-1.3)

    assert energy_difference(first, second) == 0.1
    assert energy_difference(first, second | {"source": "jarvis"}) is None
    assert energy_difference(first, second | {"methods": {"formation_energy": "r2SCAN"}}) is None


def test_the_moments_are_told_per_atom() -> None:
    assert other_moments(iron_oxide("a", FERROMAGNET), iron_oxide("b", ANTIFERROMAGNET)) == [[1.9, 1.9], [0.0, 1.85]]


def test_each_joins_the_first_group_in_which_it_agrees_with_all() -> None:
    energies = {"a": -1.40, "b": -1.385, "c": -1.37, "d": -1.36}
    docs = [iron_oxide(name, formation_energy=energy) for name, energy in energies.items()]

    groups = [[doc["material_id"] for doc in group] for group in sharing(docs)]

    assert groups == [["a", "b"], ["c", "d"]], "a and c differ by 30 meV/atom though b lies between"
