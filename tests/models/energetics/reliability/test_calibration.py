"""Error models of a registry's own known values: what each class rests on, and what it is without one of them."""

import numpy as np
import pytest
from exfolio.models.energetics.reliability.calibration import LEAST, KnownError, calibration, rounded_up
from exfolio.models.energetics.reliability.error_intervals import conformal_quantile


@pytest.mark.parametrize("n", [LEAST, 40, 57, 100])
def test_an_error_model_without_a_value_is_that_of_all_others(n: int) -> None:
    scores = np.random.default_rng(n).gamma(2, 0.1, n)

    found = calibration([KnownError(str(number), score) for number, score in enumerate(scores)])

    assert found is not None
    assert found.errors.quantile == rounded_up(conformal_quantile(scores))
    assert found.of("a value that took no part") == found.errors
    for number in range(n):
        assert found.of(str(number)).quantile == rounded_up(conformal_quantile(np.delete(scores, number)))


def test_few_known_values_make_none() -> None:
    assert calibration([KnownError(str(number), 0.1) for number in range(LEAST - 1)]) is None


@pytest.mark.parametrize(("quantile", "rounded"), [(0.2135, 0.22), (0.2, 0.2), (0.0431, 0.044), (1.01, 1.1), (0, 0)])
def test_quantiles_are_rounded_to_wider_intervals(quantile: float, rounded: float) -> None:
    assert rounded_up(quantile) == rounded
