"""Distances between distributions, on numbers small enough to do by hand."""

from math import log2, sqrt

import pytest
from exfolio.models.evaluation.distances import in_plane_area, mass_per_area, of_kinds, of_numbers


def test_what_is_shifted_lies_as_far_as_the_shift() -> None:
    distance = of_numbers([2.0, 3.0, 4.0], [1.0, 2.0, 3.0])

    assert distance is not None
    assert distance.value == pytest.approx(1.0)


def test_numbers_of_different_length_are_compared_as_distributions() -> None:
    """Half of the mass at 0 has to go to 1, the other half stays."""
    distance = of_numbers([0, 1], [1])

    assert distance is not None
    assert distance.value == pytest.approx(0.5)


def test_kinds_that_never_meet_are_as_far_apart_as_can_be_and_equal_ones_are_not_apart() -> None:
    apart, equal = of_kinds([225, 225], [194]), of_kinds([1, 2], [2, 1, 1, 2])

    assert apart is not None

    assert equal is not None
    assert apart.value == pytest.approx(1.0)
    assert equal.value == pytest.approx(0.0)


def test_half_of_the_kinds_shared() -> None:
    """Divergence of (1, 0) and (1/2, 1/2) from their mean (3/4, 1/4), in bits."""
    distance = of_kinds([0, 0], [0, 1])

    divergence = (log2(4 / 3) + (0.5 * log2(2 / 3) + 0.5 * log2(2))) / 2
    assert distance is not None
    assert distance.value == pytest.approx(sqrt(divergence))


def test_known_ones_drawn_at_random_lie_nearer_the_more_they_are() -> None:
    known = [float(number % 17) for number in range(2000)]

    few, many = of_numbers(known[:5], known), of_numbers(known[:1000], known)

    assert few is not None

    assert many is not None
    assert 0 < many.by_chance < few.by_chance


def test_nothing_is_not_compared() -> None:
    assert of_numbers([], [1.0]) is None
    assert of_kinds([1], []) is None


def test_graphene_weighs_three_quarters_of_a_milligram_per_square_metre() -> None:
    a = 2.46
    area = in_plane_area([[a, 0, 0], [-a / 2, a * sqrt(3) / 2, 0], [0, 0, 20]])

    assert area == pytest.approx(5.24, abs=0.01)
    assert mass_per_area(2 * 12.011, area) == pytest.approx(0.761, abs=0.001)
