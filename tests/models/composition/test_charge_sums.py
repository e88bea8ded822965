"""Sets of charges hold exactly the sums that can be made."""

import itertools

import numpy as np
import pytest
from exfolio.models.composition.charge_sums import Charges, holds, only_zero, share_a_charge

CHOICES = [[0, 1, 3], [2, 5], [], [0], [7, 1, 4, 9]]


@pytest.mark.parametrize("words", [1, 2, 3, 8])
def test_every_sum_within_the_words_is_held_and_no_other(words: int) -> None:
    rng = np.random.default_rng(3)
    elements = rng.integers(0, len(CHOICES), size=(3, 60))
    amounts = rng.integers(1, 30, size=(3, 60))
    charges = Charges(CHOICES)
    sets = charges.alone(elements[0], amounts[0], words)
    for column, amount in zip(elements[1:], amounts[1:], strict=True):
        sets = charges.added(sets, column, amount)
    reachable = [
        {
            sum(q * int(n) for q, n in zip(choice, amount, strict=True))
            for choice in itertools.product(*(CHOICES[e] for e in column))
        }
        for column, amount in zip(elements.T, amounts.T, strict=True)
    ]
    for charge in range(-3, 64 * words + 3):
        expected = [charge in sums and 0 <= charge < 64 * words for sums in reachable]
        assert holds(sets, np.full(60, charge)).tolist() == expected


@pytest.mark.parametrize("words", [1, 2])
def test_two_sets_share_a_charge_or_not(words: int) -> None:
    charges = Charges(CHOICES)
    one, five = np.array([1, 1]), np.array([5, 3])
    # 2 or 5 against 5 x (2 or 5) = 10 or 25, and against 3 x 0 = 0
    assert share_a_charge(charges.alone(one, one, words), charges.alone(np.array([1, 3]), five, words)).tolist() == [
        False,
        False,
    ]
    # 5 x (2 or 5) = 10 or 25 against 10 x (0, 1 or 3)
    ten = np.array([10, 10])
    assert share_a_charge(
        charges.alone(one, np.array([5, 5]), words), charges.alone(np.array([0, 2]), ten, words)
    ).tolist() == [True, False]


def test_only_zero_holds_zero() -> None:
    assert holds(only_zero(2, 3), np.array([0, 1, 64])).tolist() == [True, False, False]
