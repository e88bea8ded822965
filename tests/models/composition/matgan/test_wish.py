"""What can be wished of compositions."""

import pytest
from exfolio.models.composition.matgan.wish import BadWish, Wish


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        ({"containing": ("Xx",)}, "Xx: not among the 85"),
        ({"containing": ("Li",), "only": ("Na", "Cl")}, "Li is to be held"),
        ({"only": ("Na",)}, "two elements at least"),
        ({"near": "HeO"}, "HeO holds He"),
        ({"near": "OgF2"}, "OgF2 holds Og"),
        ({"near": "NaCl", "within": 0}, "above 0"),
    ],
)
def test_wishes_that_mean_nothing_are_refused(wish: dict, complaint: str) -> None:
    with pytest.raises(BadWish, match=complaint):
        Wish(**wish)
