"""Whether a predicted energy contradicts what is known of the composition."""

import pytest
from exfolio.models.energetics.reliability.known_of_composition import KnownEnergy, contradiction

TRIAZIDE = [KnownEnergy(2.348, "mp-eform, PBE")]
POLYMORPHS = [KnownEnergy(-1.0, "a, PBE"), KnownEnergy(-0.2, "b, PBE")]


@pytest.mark.parametrize("predicted", [-1.0, -0.6, -0.2, -1.29, 0.09])
def test_among_or_near_the_known_ones_there_is_none(predicted: float) -> None:
    assert contradiction(predicted, POLYMORPHS) is None


def test_nothing_known_contradicts_nothing() -> None:
    assert contradiction(-9.0, []) is None


def test_far_from_them_names_the_nearest_and_who_states_it() -> None:
    assert contradiction(0.131, TRIAZIDE) == (
        "the predicted formation energy 0.131 eV/atom lies 2.22 below what is known of the composition: "
        "2.348 (mp-eform, PBE)"
    )
    above = contradiction(0.3, POLYMORPHS)
    assert above is not None
    assert "0.50 above" in above
    assert "-0.200 (b, PBE)" in above
