"""Layers in cells of one, two and no layer."""

from exfolio.models.structure.layered.layer_count import count_layers
from pymatgen.core import Lattice, Structure

GRAPHENE = [[1 / 3, 2 / 3], [2 / 3, 1 / 3]]


def graphene(*heights: float, c: float = 30.0) -> Structure:
    sites = [[x, y, z / c] for z in heights for x, y in GRAPHENE]
    return Structure(Lattice.hexagonal(2.46, c), ["C"] * len(sites), sites)


def test_layers_across_a_van_der_waals_gap_are_counted_one_by_one() -> None:
    assert [count_layers(graphene(*heights)) for heights in ((10,), (10, 13.35), (10, 13.35, 16.7))] == [1, 2, 3]


def test_a_layer_of_several_planes_of_atoms_is_one() -> None:
    quintuple = [(0, 0, 0.0), (1 / 3, 2 / 3, 2.0), (2 / 3, 1 / 3, -2.0), (2 / 3, 1 / 3, 3.75), (1 / 3, 2 / 3, -3.75)]
    sites = [(x, y, 0.5 + z / 30) for x, y, z in quintuple]
    bismuth_telluride = Structure(Lattice.hexagonal(4.385, 30), ["Te", "Bi", "Bi", "Te", "Te"], sites)

    assert count_layers(bismuth_telluride) == 1


def test_a_crystal_without_layers_counts_as_one() -> None:
    salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0] * 3, [0.5] * 3])

    assert count_layers(salt) == 1
