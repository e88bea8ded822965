"""Shares of which a part is undecided, on counts small enough to do by hand."""

import pytest
from exfolio.models.evaluation.shares import Share, at_most, wilson
from scipy.stats import binomtest


@pytest.mark.parametrize(
    ("value", "low", "high", "verdict"),
    [
        (0.1, None, None, True),
        (0.101, None, None, False),
        (0.05, 0.01, 0.09, True),
        (0.05, 0.01, 0.12, None),
        (0.2, 0.15, 0.3, False),
        (0.05, 0.05, None, None),  # a lower bound below the limit tells nothing
        (0.15, 0.15, None, False),
        (0.05, None, 0.05, True),
        (0.15, None, 0.15, None),
    ],
)
def test_a_limit_is_decided_by_the_whole_interval(
    value: float, low: float | None, high: float | None, verdict: bool | None
) -> None:
    assert at_most(0.1, value, low, high) is verdict


def test_a_share_has_its_binomial_error_and_an_interval_from_certain_to_possible() -> None:
    share = Share(certain=10, by_value=20, possible=50, total=100)

    assert share.standard_error == pytest.approx(0.04)  # sqrt(0.2 * 0.8 / 100)
    assert share.interval == (wilson(10, 100)[0], wilson(50, 100)[1])
    assert Share(0, 0, 0, 0).standard_error == 0
    assert Share(0, 0, 0, 0).interval == (0, 1)


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (251, 266)])
def test_wilson_intervals_are_those_of_scipy(successes: int, trials: int) -> None:
    peer = binomtest(successes, trials).proportion_ci(method="wilson")

    assert wilson(successes, trials) == pytest.approx((peer.low, peer.high), abs=1e-6)


def test_nothing_of_ten_may_still_be_a_quarter() -> None:
    assert wilson(0, 10)[1] == pytest.approx(3.8416 / 13.8416, abs=1e-4)  # z^2 / (n + z^2)
