"""Chances worked by hand: half-normal sides of an interval, flat ones, and bounds."""

import math

import pytest
from exfolio.models.decision.chance_to_pass import Range, chance_by_others, chance_to_pass, range_of

AT_MOST = Range(-math.inf, 0.2)


@pytest.mark.parametrize(
    ("condition", "least", "most"),
    [
        ("<= 0.2", -math.inf, 0.2),
        ("< 0", -math.inf, 0.0),
        (">= -1.9", -1.9, math.inf),
        ("> 1e-05", 1e-5, math.inf),
        ("0.5 to 3", 0.5, 3.0),
        ("-2.5 to -1", -2.5, -1.0),
    ],
)
def test_conditions_on_numbers_are_ranges(condition: str, least: float, most: float) -> None:
    assert range_of(condition) == Range(least, most)


@pytest.mark.parametrize("condition", ["", "yes", "= 3", "without Pb, Hg", "of Mo, S", "<= "])
def test_other_conditions_are_none(condition: str) -> None:
    assert range_of(condition) is None


@pytest.mark.parametrize(
    ("value", "low", "high", "chance"),
    [
        (0.2, 0.1, 0.3, 0.5),
        (0.1, 0.0, 0.2, 0.95),  # 90 % within, 5 % beyond each end
        (0.3, 0.2, 0.4, 0.05),
        (0.1, 0.0, 0.1 + 0.1 * 1.6449 / 0.6745, 0.75),  # the upper quartile of a normal distribution: 0.6745 sigma
        (0.19, 0.0, 0.5, 0.5 + 0.5 * math.erf(0.01 / 0.31 * 1.6449 / 2**0.5)),  # the narrow side plays no part
    ],
)
def test_a_value_within_its_interval_has_half_a_normal_distribution_on_each_side(
    value: float, low: float, high: float, chance: float
) -> None:
    assert chance_to_pass(AT_MOST, value, low, high) == pytest.approx(chance, abs=2e-4)
    at_least = Range(0.2, math.inf)
    assert chance_to_pass(at_least, value, low, high) == pytest.approx(1 - chance, abs=2e-4)


def test_a_value_at_an_end_of_its_interval_lies_anywhere_in_it() -> None:
    assert chance_to_pass(AT_MOST, 0.1, 0.1, 0.5) == pytest.approx(0.25)
    assert chance_to_pass(AT_MOST, 0.3, 0.1, 0.3) == pytest.approx(0.5)
    assert chance_to_pass(Range(0.2, 0.3), 0.1, 0.1, 0.5) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("bound", "chance"), [(0.2, 0.0), (0.2 - 0.2 * math.log(2), 0.5), (0.0, 1 - 1 / math.e), (-2.0, 1 - math.exp(-11))]
)
def test_beyond_a_lower_bound_chances_fall_by_the_size_of_the_threshold(bound: float, chance: float) -> None:
    assert chance_to_pass(AT_MOST, bound, bound, None) == pytest.approx(chance)


def test_an_upper_bound_is_a_lower_one_in_the_mirror() -> None:
    assert chance_to_pass(AT_MOST, 0.4, None, 0.4) == pytest.approx(1 / math.e)
    assert chance_to_pass(Range(0.2, math.inf), 0.4, None, 0.4) == pytest.approx(1 - 1 / math.e)


def test_where_the_threshold_is_zero_the_scale_is_that_of_binding() -> None:
    assert chance_to_pass(Range(-math.inf, 0.0), -0.2, -0.2, None) == pytest.approx(1 - 1 / math.e)


def test_a_value_without_interval_stands_for_itself() -> None:
    assert [chance_to_pass(AT_MOST, value, None, None) for value in (0.2, 0.21)] == [1.0, 0.0]


def test_of_what_nothing_is_known_the_others_tell() -> None:
    assert [chance_by_others(*others) for others in ((0, 0), (3, 1), (0, 98))] == [0.5, 4 / 6, 0.01]
