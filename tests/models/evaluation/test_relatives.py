"""How far what was found again lies from what it was made of."""

import pytest
from exfolio.models.evaluation.relatives import Origin, origin


@pytest.mark.parametrize(
    ("found", "made_of", "how"),
    [
        ("MoS2", "Mo2S4", Origin.ITSELF),
        ("WSe2", "MoS2", Origin.RELATIVE),
        ("CrTe2", "MoS2", Origin.RELATIVE),
        ("MoS2", "Mo2S3", Origin.ELSEWHERE),
        ("TiS2", "MoS2", Origin.ELSEWHERE),
        ("LaCl3", "NdBr3", Origin.RELATIVE),
        ("LaCl3", "ScCl3", Origin.ELSEWHERE),  # lanthanides are a group of their own
        ("HCl", "NaCl", Origin.ELSEWHERE),  # as is hydrogen
    ],
)
def test_a_family_has_the_same_amounts_of_elements_of_the_same_groups(found: str, made_of: str, how: Origin) -> None:
    assert origin(found, made_of) is how
