"""Clusters of bonded atoms: counted as in a real supercell, whatever cell describes the crystal."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from exfolio.models.structure.covalent_radii import COVALENT_RADII
from exfolio.models.structure.dimensionality.clusters import (
    Cluster,
    NotAnalysable,
    add_period,
    clusters_by_tolerance,
    possible_bonds,
)
from exfolio.models.structure.serialization import from_plain
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Crystal = Callable[[str], Structure]


def count_literally(structure: Structure, tolerance: float) -> int:
    """Count connected pieces by pymatgen's distances alone, as one would by hand."""
    radii = COVALENT_RADII[[site.specie.Z for site in structure]]
    centres, points, _, distances = structure.get_neighbor_list(float(2 * radii.max() + tolerance))
    bonded = distances < radii[centres] + radii[points] + tolerance
    n = len(structure)
    graph = coo_array((np.ones(bonded.sum()), (centres[bonded], points[bonded])), shape=(n, n))
    return int(connected_components(graph, directed=False)[0])


@pytest.mark.parametrize(
    ("name", "tolerance", "dimensionality", "pieces"),
    [
        ("MoS2 2H", 0.2, 2, 2),
        ("graphite", 0.2, 2, 2),
        ("black P", 0.2, 2, 2),
        ("NaCl", 0.2, 3, 1),
        ("diamond", 0.2, 3, 1),
        ("Se", 0.2, 1, 1),
        ("CO2", 0.2, 0, 4),
        ("Cu2O", 0.2, 3, 1),
    ],
)
def test_dimensionality_of_well_known_crystals(
    crystal: Crystal, name: str, tolerance: float, dimensionality: int, pieces: int
) -> None:
    (clusters,) = clusters_by_tolerance(crystal(name), (tolerance,))
    assert {cluster.dimensionality for cluster in clusters} == {dimensionality}
    assert len(clusters) == pieces


@pytest.mark.parametrize("name", ["MoS2 2H", "MoS2 3R", "graphite", "GaSe", "Se", "CO2", "Cu2O", "black P", "Bi2Te3"])
@pytest.mark.parametrize("tolerance", [0.0, 0.2, 0.4])
def test_the_count_in_a_supercell_is_that_of_a_real_supercell(crystal: Crystal, name: str, tolerance: float) -> None:
    cell = crystal(name)
    (clusters,) = clusters_by_tolerance(cell, (tolerance,))
    assert len(clusters) == count_literally(cell, tolerance)
    for n in (2, 3):
        assert sum(cluster.copies(n) for cluster in clusters) == count_literally(cell * n, tolerance)


def test_interpenetrating_frameworks_are_told(crystal: Crystal) -> None:
    """Cu2O is two frameworks; one cell away one meets the other, so that they are one cluster of the cell."""
    ((framework,),) = clusters_by_tolerance(crystal("Cu2O"), (0.2,))
    assert framework.copies(2) == 2
    ((salt,),) = clusters_by_tolerance(crystal("NaCl"), (0.2,))
    assert salt.copies(2) == 1


def test_three_woven_frameworks_triple_but_are_frameworks() -> None:
    """A cubic net, edges 5 Å, and two copies of it moved along the body diagonal by a third and two thirds."""
    edge = 5.0
    # A cell with a third of the volume: its body diagonal translation is (1, 1, 1)/3 of the cubic one.
    thirds = np.array([[1, 1, 1], [0, 3, 0], [0, 0, 3]]) * edge / 3
    bonds = [(0, 0, (3, -1, -1)), (0, 0, (0, 1, 0)), (0, 0, (0, 0, 1))]
    np.testing.assert_allclose([np.array(image) @ thirds for *_, image in bonds], np.eye(3) * edge)
    periods: list[tuple[int, int, int]] = []
    for *_, image in bonds:
        periods = add_period(periods, image)
    net = Cluster((0,), ((0, 0, 0),), tuple(periods))
    assert net.dimensionality == 3
    assert net.copies(3) == 3


@settings(max_examples=60, deadline=None)
@given(vectors=st.lists(st.tuples(*[st.integers(-4, 4)] * 3), max_size=5), n=st.integers(2, 4))
def test_cosets_are_counted_right(vectors: list[tuple[int, int, int]], n: int) -> None:
    """[Z^3 : G + n Z^3] against walking through all points of Z^3 / n Z^3."""
    basis: list[tuple[int, int, int]] = []
    for vector in vectors:
        basis = add_period(basis, vector)
    cluster = Cluster((0,), ((0, 0, 0),), tuple(basis))
    assert cluster.dimensionality == (np.linalg.matrix_rank(np.array(vectors)) if vectors else 0)
    points = np.indices((n, n, n)).reshape(3, -1)
    number = np.arange(n**3).reshape(n, n, n)
    edges = [(number[tuple(points)], number[tuple((points + np.array(v)[:, None]) % n)]) for v in vectors]
    first = np.concatenate([e[0] for e in edges]) if edges else np.array([], dtype=int)
    second = np.concatenate([e[1] for e in edges]) if edges else np.array([], dtype=int)
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(n**3, n**3))
    assert cluster.copies(n) == connected_components(graph, directed=False)[0]


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(st.sampled_from(["swap", "shear", "flip"]), max_size=4),
    shift=st.tuples(*[st.floats(-2, 2)] * 3),
    turn=st.floats(0, 360),
)
def test_neither_cell_nor_origin_nor_orientation_matters(
    steps: list[str], shift: tuple[float, float, float], turn: float
) -> None:
    moves = {
        "swap": [[0, 1, 0], [0, 0, 1], [1, 0, 0]],
        "shear": [[1, 0, 0], [1, 1, 0], [0, -1, 1]],
        "flip": [[-1, 0, 0], [0, 1, 0], [0, 0, 1]],
    }
    cell = Structure.from_spacegroup(
        "P6_3/mmc", Lattice.hexagonal(3.16, 12.30), ["Mo", "S"], [[1 / 3, 2 / 3, 0.25], [1 / 3, 2 / 3, 0.621]]
    )
    before = [sorted(map(len, (c.sites for c in clusters))) for clusters in clusters_by_tolerance(cell, (0.0, 0.4))]
    for step in steps:
        cell = Structure.from_sites((cell * moves[step]).sites)
    angle = np.radians(turn)
    rotation = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    cell = Structure(cell.lattice.matrix @ rotation, cell.species, cell.frac_coords + np.array(shift))
    after = clusters_by_tolerance(cell, (0.0, 0.4))
    assert [sorted(len(c.sites) for c in clusters) for clusters in after] == before
    assert {c.dimensionality for clusters in after for c in clusters} == {2}


def test_images_put_a_cluster_together(crystal: Crystal) -> None:
    """Every site of a cluster is bonded to another of it in the cells that `images` name."""
    carbon_dioxide = crystal("CO2")
    for molecule in clusters_by_tolerance(carbon_dioxide, (0.2,))[0]:
        inside = carbon_dioxide.frac_coords[list(molecule.sites)] + np.array(molecule.images)
        positions = carbon_dioxide.lattice.get_cartesian_coords(inside)
        carbon = [carbon_dioxide[site].specie.symbol for site in molecule.sites].index("C")
        distances = np.delete(np.linalg.norm(positions - positions[carbon], axis=1), carbon)
        np.testing.assert_allclose(distances, 1.154, atol=0.001)


def test_bonds_are_each_given_once(crystal: Crystal) -> None:
    bonds = possible_bonds(crystal("diamond"), 0.2)
    assert len(bonds.first) == 16  # 8 atoms, 4 bonds each
    np.testing.assert_allclose(bonds.slack, 3.567 * np.sqrt(3) / 4 - 2 * 0.73, atol=1e-6)


def test_relative_tolerance_is_a_share_of_the_radii(crystal: Crystal) -> None:
    bonds = possible_bonds(crystal("diamond"), 0.1, unit="relative")
    np.testing.assert_allclose(bonds.slack, 3.567 * np.sqrt(3) / 4 / (2 * 0.73) - 1, atol=1e-6)


def test_what_has_no_bonds_to_tell_is_refused() -> None:
    with pytest.raises(NotAnalysable, match="Es"):
        possible_bonds(Structure(Lattice.cubic(4), ["Es"], [[0, 0, 0]]), 0.2)
    with pytest.raises(NotAnalysable, match="disordered"):
        possible_bonds(Structure(Lattice.cubic(4), [{"Au": 0.5, "Cu": 0.5}], [[0, 0, 0]]), 0.2)
    with pytest.raises(ValueError, match="ascending"):
        clusters_by_tolerance(Structure(Lattice.cubic(4), ["Au"], [[0, 0, 0]]), (0.2, 0.1))


def test_real_crystals_are_counted_as_in_real_supercells(shared_data: Path) -> None:
    with gzip.open(shared_data / "matbench_phonons_structures.json.gz", "rt") as file:
        rows = json.load(file)["data"][::70]
    structures = [structure for structure in (from_plain(row[0]) for row in rows) if len(structure) <= 12]
    assert len(structures) > 8
    for structure in structures:
        tripled = structure * 3
        for tolerance, clusters in zip((0.0, 0.15), clusters_by_tolerance(structure, (0.0, 0.15)), strict=True):
            assert sum(cluster.copies(3) for cluster in clusters) == count_literally(tripled, tolerance)
