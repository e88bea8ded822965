"""A bulk crystal holds the layers it is made of, relaxed or not, and no other layer of its formula."""

import pytest
from exfolio.models.structure.layered.held_layer import held_layer
from pymatgen.core import Lattice, Structure

# 2H-MoS2: a = 3.16 Å, c = 12.30 Å, z(S) = 0.621 (Bronsema et al., Z. anorg. allg. Chem. 540/541, 15 (1986)).
_PRISMATIC = [[1 / 3, 2 / 3, 0.25], [1 / 3, 2 / 3, 0.621]]
BULK = Structure.from_spacegroup("P6_3/mmc", Lattice.hexagonal(3.16, 12.30), ["Mo", "S"], _PRISMATIC)
_OCTAHEDRAL = [[0, 0, 0], [1 / 3, 2 / 3, 0.265]]
OCTAHEDRAL = Structure.from_spacegroup("P-3m1", Lattice.hexagonal(3.19, 5.95), ["Mo", "S"], _OCTAHEDRAL)
PYRITE = Structure.from_spacegroup("Pa-3", Lattice.cubic(5.6), ["Mo", "S"], [[0, 0, 0], [0.385, 0.385, 0.385]])


def layer(*, octahedral: bool = False, stretched: float = 1.0) -> Structure:
    below = [1 / 3, 2 / 3, 0.4219] if octahedral else [2 / 3, 1 / 3, 0.4219]
    places = [[0, 0, 0.5], [2 / 3, 1 / 3, 0.5781], below]
    return Structure(Lattice.hexagonal(3.16 * stretched, 20.0), ["Mo", "S", "S"], places)


@pytest.mark.parametrize("stretched", [0.97, 1.0, 1.03])
def test_a_bulk_holds_its_layer_as_that_relaxes(stretched: float) -> None:
    relaxed = layer(stretched=stretched).perturb(0.05)

    assert held_layer(BULK, [relaxed]) == (True, "")


@pytest.mark.parametrize(
    ("bulk", "wanted", "reason"),
    [
        (BULK, layer(octahedral=True), "its layers are built otherwise"),
        (OCTAHEDRAL, layer(), "its layers are built otherwise"),
        (PYRITE, layer(), "it is a network"),
        (BULK.copy().replace_species({"S": "Se"}), layer(), "its layers are of MoSe2"),
    ],
    ids=["1T in 2H", "1H in 1T", "in pyrite", "another formula"],
)
def test_other_polymorphs_do_not_hold_it(bulk: Structure, wanted: Structure, reason: str) -> None:
    held = held_layer(bulk, [wanted])

    assert held.holds is False
    assert reason in held.reason


def test_one_of_several_forms_of_the_layer_will_do() -> None:
    assert held_layer(OCTAHEDRAL, [layer(), layer(octahedral=True)]).holds


def test_where_layers_hold_together_it_is_told_by_structure_or_not_at_all() -> None:
    height = 4.8  # Å: pressed until the layers are bound to each other
    places = [[0, 0, 0], [1 / 3, 2 / 3, 1.56 / height]]
    pressed = Structure.from_spacegroup("P-3m1", Lattice.hexagonal(3.19, height), ["Mo", "S"], places)

    assert held_layer(pressed, [layer(octahedral=True)]).holds
    assert held_layer(pressed, [layer()]) == (
        None,
        "whether the bulk holds this layer can't be told: it is made of bound layers",
    )
