"""Concentration of supply, from the values of Gaultois et al. (2013) for single elements."""

import pytest
from exfolio.models.evaluation.supply import concentration


def test_a_compound_has_the_mean_of_its_elements_by_mass() -> None:
    """Of MoS2 59.94 % of the mass is molybdenum; Mo has 2400 and 5300, S has 700 and 1000."""
    index = concentration("MoS2")

    assert index is not None
    assert index.production == pytest.approx(0.5994 * 2400 + 0.4006 * 700, abs=0.5)
    assert index.reserves == pytest.approx(0.5994 * 5300 + 0.4006 * 1000, abs=0.5)


def test_an_element_has_its_own_and_what_no_table_has_is_not_made_up() -> None:
    assert concentration("Nd") == (9500.0, 3100.0)
    assert concentration("XeF2") is None
