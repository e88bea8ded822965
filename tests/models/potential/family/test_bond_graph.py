"""Graphs of bonds, counted by hand on crystals everybody knows."""

import numpy as np
from exfolio.models.potential.family.bond_graph import BondGraph, bond_graph, join
from pymatgen.core import Lattice, Structure

ROCK_SALT = Structure(  # NaCl, a = 5.640 Å
    Lattice.cubic(5.640),
    ["Na"] * 4 + ["Cl"] * 4,
    [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5], [0.5, 0.5, 0.5]],
)


def graph_of(structure: Structure, cutoff: float, angle_cutoff: float) -> BondGraph:
    numbers = np.array([site.specie.Z for site in structure])
    return bond_graph(structure.lattice.matrix, structure.frac_coords, numbers, cutoff, angle_cutoff)


def test_every_ion_of_rock_salt_has_six_bonds_and_thirty_ordered_angles() -> None:
    graph = graph_of(ROCK_SALT, 3.0, 3.0)

    assert np.bincount(graph.centers).tolist() == [6] * 8
    assert np.bincount(graph.angles[:, 0]).tolist() == [6 * 5] * 8


def test_a_bond_and_its_reverse_are_one() -> None:
    graph = graph_of(ROCK_SALT, 6.0, 3.0)

    assert np.bincount(graph.to_undirected).tolist() == [2] * (len(graph.centers) // 2)
    for bond in range(0, len(graph.to_directed), 17):
        there, back = np.flatnonzero(graph.to_undirected == bond)
        assert (graph.centers[there], graph.neighbors[there]) == (graph.neighbors[back], graph.centers[back])
        assert (graph.images[there] == -graph.images[back]).all()


def test_it_has_the_neighbours_pymatgen_finds() -> None:
    skew = Structure(Lattice.from_parameters(3.1, 4.2, 5.3, 70, 80, 100), ["Ti", "O"], [[0, 0, 0], [0.4, 0.5, 0.6]])

    graph = graph_of(skew, 6.0, 3.0)
    centers, neighbors, images, _ = skew.get_neighbor_list(6.0)

    ours = sorted(zip(graph.centers, graph.neighbors, map(tuple, graph.images), strict=True))
    assert ours == sorted(zip(centers, neighbors, map(tuple, images.astype(int)), strict=True))


def test_side_by_side_there_are_no_bonds_between_structures() -> None:
    one, other = graph_of(ROCK_SALT, 6.0, 3.0), graph_of(ROCK_SALT, 4.0, 3.0)

    both = join([one, other])

    assert (both.owners[both.centers] == both.owners[both.neighbors]).all()
    assert len(both.angles) == len(one.angles) + len(other.angles)
    assert (both.centers[both.angles[:, 2]] == both.angles[:, 0]).all()
    assert (both.to_undirected[both.angles[:, 4]] == both.angles[:, 3]).all()


def test_a_lonely_atom_is_named() -> None:
    argon = Structure(Lattice.cubic(9), ["Ar"], [[0, 0, 0]])

    assert graph_of(argon, 6.0, 3.0).lonely == "atom 0 has no neighbour within 6 Å"
