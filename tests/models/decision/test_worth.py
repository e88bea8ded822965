"""Worth of calculations, by hand."""

import pytest
from exfolio.models.decision.worth import information, worth


def test_information_is_the_entropy_of_the_verdict_in_bits() -> None:
    told = information([0.0, 0.25, 0.5, 0.75, 1.0])

    assert told.tolist() == pytest.approx([0, 0.811278, 1, 0.811278, 0], abs=1e-6)


def test_worth_is_chance_times_information_per_cost() -> None:
    assert worth([0.5, 0.5, 0.25], [1, 4, 1]).tolist() == pytest.approx([0.5, 0.125, 0.25 * 0.811278])
    assert worth([0.0, 1.0], [1, 1]).tolist() == [0, 0]


def test_neither_the_sure_nor_the_hopeless_come_first() -> None:
    sure, likely, hopeless = worth([0.99, 0.7, 0.05], [1, 1, 1])

    assert likely > sure > 0
    assert likely > hopeless > 0
