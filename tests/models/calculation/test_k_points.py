"""Lists of k-points: a mesh, whole or reduced by symmetry, or lines."""

import itertools

import numpy as np
from exfolio.models.calculation.k_points import mesh_of_points
from exfolio.models.calculation.run_kind import kind_of_run
from exfolio.models.calculation.vasp_tags import VaspTags


def test_every_point_of_a_mesh_is_one() -> None:
    points = list(itertools.product((0, 0.25, 0.5, 0.75), (0, 0.5), (0,)))

    assert mesh_of_points(points, [1] * len(points)) == [4, 2, 1]


def test_a_shifted_mesh_of_which_half_the_points_are_listed_is_one() -> None:
    points = [point for point in itertools.product((-0.375, -0.125, 0.125, 0.375), repeat=3) if point[2] > 0]

    assert mesh_of_points(points, [1] * len(points)) == [4, 4, 4]


def test_weights_tell_a_mesh_that_symmetry_reduced() -> None:
    """3x3x3 of a cube: the four points that cubic symmetry leaves, as an IBZKPT lists them."""
    points = [[0, 0, 0], [1 / 3, 0, 0], [1 / 3, 1 / 3, 0], [1 / 3, 1 / 3, 1 / 3]]

    assert mesh_of_points(np.round(points, 6), [1, 6, 12, 8]) == [3, 3, 3]


def test_a_division_that_symmetry_left_out_on_one_axis_is_told_by_the_others_of_its_step() -> None:
    """4x4x4 of a face-centred cell, as VASP reduces it: no point has 1/2 on the third axis."""
    points = [
        *([0, 0, 0], [0.25, 0, 0], [0.5, 0, 0], [0.25, 0.25, 0]),
        *([0.5, 0.25, 0], [-0.25, 0.25, 0], [0.5, 0.5, 0], [-0.25, 0.5, 0.25]),
    ]

    assert mesh_of_points(points, [1, 8, 4, 6, 24, 12, 3, 6]) == [4, 4, 4]


def test_points_along_two_lines_are_no_mesh() -> None:
    steps = np.linspace(0, 0.5, 11)
    path = [[x, 0, 0] for x in steps] + [[0.5, y, 0] for y in steps[1:]]

    assert mesh_of_points(path, [1] * len(path)) is None


def test_points_without_weight_do_not_count() -> None:
    assert mesh_of_points([[0, 0, 0], [0.1, 0.2, 0.3]], [1, 0]) == [1, 1, 1]
    assert mesh_of_points([[0.1, 0.2, 0.3]], [0]) is None


def test_a_relaxation_along_lines_is_none() -> None:
    tags = VaspTags.of({"NSW": 99, "IBRION": 2}, {})

    assert kind_of_run(tags, k_points_along_lines=True) == "SCF Along Lines"
