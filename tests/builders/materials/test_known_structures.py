"""Which known structures a proposed or calculated one is: the same one before those that are alike."""

from typing import Any

import pytest
from exfolio.builders.materials.known_structures import KnownStructures
from exfolio.models.structure.serialization import to_plain
from pymatgen.core import Lattice, Structure


def silicene(buckling: float) -> Structure:
    low, high = 0.5 - buckling / 40, 0.5 + buckling / 40
    return Structure(Lattice.hexagonal(3.87, 20), ["Si", "Si"], [[1 / 3, 2 / 3, low], [2 / 3, 1 / 3, high]])


def doc(name: str, structure: Structure) -> dict[str, Any]:
    return {"material_id": name, "structure": to_plain(structure)}


@pytest.fixture
def known() -> KnownStructures:
    broken = {"material_id": "broken", "structure": {"lattice": {}}}
    layers = [("flat", 0.0), ("buckled", 0.45), ("flat too", 0.0), ("buckled too", 0.44)]
    return KnownStructures([broken, *(doc(name, silicene(height)) for name, height in layers)])


def test_the_same_structure_goes_before_those_that_are_alike(known: KnownStructures) -> None:
    matches = known.matches(silicene(0.44))

    assert [(match["material_id"], match["same"]) for match in matches] == [
        ("buckled too", True),
        ("buckled", True),
        ("flat", False),
        ("flat too", False),
    ]
    assert matches[2]["because"] == "other space groups"
    assert matches[2]["space_groups"] == [191, 164]
    assert matches[2]["rms"] == pytest.approx(0.22, abs=0.02)


def test_the_first_that_is_the_same_stands_for_the_others(known: KnownStructures) -> None:
    assert known.first_same(silicene(0.42)) == "buckled"
    assert known.first_same(silicene(0.0)) == "flat"


def test_what_is_unlike_all_of_them_is_none(known: KnownStructures) -> None:
    stretched = silicene(0.44)
    stretched.apply_strain([0.3, 0.3, 0])

    assert known.matches(stretched) == []
    assert known.first_same(stretched) is None
