"""The tables of bonds and charges that are kept are pymatgen's."""

from exfolio.models.structure.sizes.bond_valence import OCCURRENCE, VALENCE
from pymatgen.core.bond_valence import BV_PARAMS, PRIOR_PROB


def test_tables_are_those_of_pymatgen() -> None:
    assert {element.symbol: (values["r"], values["c"]) for element, values in BV_PARAMS.items()} == VALENCE
    assert {(species.symbol, species.oxi_state): number for species, number in PRIOR_PROB.items()} == OCCURRENCE
