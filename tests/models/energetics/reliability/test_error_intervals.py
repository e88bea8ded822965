"""Intervals from measured errors: what share of true values they hold, and what widens them."""

import numpy as np
import pytest
from exfolio.models.energetics.reliability.error_intervals import ErrorModel, Measured, error_model


def drawn(seed: int, n: int) -> Measured:
    """Values of a made method whose errors are twice as large where two potentials differ by 0.03 eV/atom."""
    rng = np.random.default_rng(seed)
    known = rng.gamma(2, 0.06, n)
    spreads = rng.choice([0.0, 0.03], n)
    errors = rng.standard_t(4, n) * (0.01 + 0.15 * known) * (1 + spreads / 0.03)
    return Measured(known + errors, spreads, known)


def test_intervals_hold_the_share_they_state_of_values_that_took_no_part() -> None:
    model = error_model(drawn(1, 300).scores)

    value, spread, known = drawn(2, 4000)
    ends = np.array([model.interval(*pair) for pair in zip(value, spread, strict=True)])

    held = (ends[:, 0] <= known) & (known <= ends[:, 1])
    assert 0.87 <= held.mean() <= 0.93
    assert model.covered == pytest.approx(held.mean(), abs=3 * model.deviation)
    for differs in (0.0, 0.03):  # neither those that agree nor those that differ pay for the others
        assert 0.82 <= held[spread == differs].mean() <= 0.97


def test_what_potentials_differ_in_widens_and_nothing_binds_less_than_not_at_all() -> None:
    model = ErrorModel(0.2, 100, 0.9, 0.04)

    low, high = model.interval(0.1)
    wider = model.interval(0.1, spread=0.02)

    assert (low, high) == pytest.approx((0.06, 0.14))
    assert wider == pytest.approx((0.04, 0.16))
    assert model.interval(0.01)[0] == 0


def test_too_few_known_values_make_no_interval() -> None:
    with pytest.raises(ValueError, match="known values are too few"):
        error_model(np.ones(16))
