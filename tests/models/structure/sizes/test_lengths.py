"""By what the bonds of one composition are longer than those of another."""

import pytest
from exfolio.models.structure.sizes.lengths import length_ratio


@pytest.mark.parametrize(
    ("old", "new", "measured"),
    [  # periods of the layers, Å, as the bundled handbook has them, which says whose they are
        ("NiI2", "PbI2", 4.557 / 3.922),
        ("CdI2", "CaI2", 4.490 / 4.244),
        ("MgBr2", "FeBr2", 3.776 / 3.810),
        ("TiSe2", "SnS2", 3.648 / 3.540),
        ("MoS2", "MoTe2", 3.519 / 3.160),
    ],
)
def test_layers_grow_as_they_are_known_to(old: str, new: str, measured: float) -> None:
    assert length_ratio(old, new) == pytest.approx(measured, rel=0.05)


def test_an_element_without_a_radius_has_no_length() -> None:
    assert length_ratio("NaCl", "BkCl3") is None
