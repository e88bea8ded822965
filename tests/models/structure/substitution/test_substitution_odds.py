"""How likely a structure stays when elements are replaced by others of their group."""

import pytest
from exfolio.models.structure.substitution.substitution_odds import mined_weight, substitution_odds


def odds(old: str, new: str, **replaced: str) -> float:
    elements = {"".join(c for c in part if c.isalpha()) for part in old.split()}
    mapping = {element: replaced.get(element, element) for element in elements}
    return substitution_odds(old.replace(" ", ""), new, mapping).chance


@pytest.mark.parametrize(
    ("likely", "unlikely"),
    [
        (odds("Mo S2", "MoSe2", S="Se"), odds("Mo S2", "MoO2", S="O")),  # MoO2 is a rutile
        (odds("Pb O", "SnO", Pb="Sn"), odds("Pb O", "CO", Pb="C")),
        (odds("Na Cl", "KCl", Na="K"), odds("Na Cl", "HCl", Na="H")),
        (odds("Ca F2", "SrF2", Ca="Sr"), odds("Ca F2", "BeF2", Ca="Be")),
        (odds("Ba Ti O3", "SrTiO3", Ba="Sr"), odds("Ba Ti O3", "BeTiO3", Ba="Be")),
    ],
)
def test_alike_ions_replace_each_other_before_others(likely: float, unlikely: float) -> None:
    assert likely > unlikely


def test_radii_count_where_they_grow_apart() -> None:
    # Both ions grow in RbBr of NaCl; in LiI of NaCl one shrinks, the other grows.
    alike = substitution_odds("NaCl", "RbBr", {"Na": "Rb", "Cl": "Br"})
    apart = substitution_odds("NaCl", "LiI", {"Na": "Li", "Cl": "I"})
    assert apart.radius_mismatch > 0.4  # ln(2.20 / 1.81) - ln(0.76 / 1.02)
    assert alike.radius_mismatch < apart.radius_mismatch


def test_what_known_crystals_never_do_weighs_least() -> None:
    assert mined_weight("Se", "S") == mined_weight("S", "Se") > mined_weight("C", "Pb")
