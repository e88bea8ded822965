"""What known formation energies say of a composition, and that it never tells itself."""

import numpy as np
import pytest
from exfolio.models.composition.formula.elements import ATOMIC_NUMBERS
from exfolio.models.composition.formula.formulas import UnknownElement
from exfolio.models.composition.roost.known_energies import BadKnownEnergies, KnownEnergies, feature_labels
from numpy.typing import NDArray

#: Formation energies, eV/atom, rounded.
KNOWN = {
    "MgO": -3.0, "CaO": -3.3, "SrO": -3.1, "BaO": -2.8, "TiO2": -3.5, "ZrO2": -3.8, "HfO2": -3.9, "Al2O3": -3.4,
    "MgTiO3": -3.2, "CaTiO3": -3.5, "SrTiO3": -3.5, "BaTiO3": -3.5, "CaZrO3": -3.7, "SrZrO3": -3.6, "BaHfO3": -3.6,
    "LiF": -3.1, "NaF": -2.9, "KF": -2.9, "KMgF3": -3.3, "NaMgF3": -3.2, "KCaF3": -3.4, "MgF2": -3.8, "CaF2": -4.2,
    "MgAl2O4": -3.2, "CaAl2O4": -3.4, "KNaCl2": -1.9, "NaCl": -2.0, "KCl": -2.2, "Mg": 0.0, "Ti": 0.0,
    # relatives that hold the elements of one, and so are part of the hull that it lies above, or it of theirs
    "Ti2ZrO6": -3.6, "TiZr2O6": -3.9, "Na2O": -1.4, "K2O": -1.2, "KNaO": -1.5, "Na2S": -1.2, "KNaS": -1.4,
}  # fmt: skip


@pytest.fixture(scope="module")
def distances() -> NDArray[np.float64]:
    """Give distances by what is enough here: numbers of electrons."""
    numbers = np.arange(119)
    return np.abs(numbers[:, None] - numbers) / 20


def known(distances: NDArray[np.float64], energies: dict[str, float] = KNOWN) -> KnownEnergies:
    return KnownEnergies.of(list(energies), list(energies.values()), distances)


def features(table: KnownEnergies, formula: str) -> dict[str, float]:
    return dict(zip(feature_labels(), table.features([formula])[0].tolist(), strict=True))


def test_the_hull_is_what_the_known_ones_mix_to(distances):
    found = features(known(distances), "SrAl2O4")
    # SrO + Al2O3: two and five of seven atoms
    assert found["hull: energy"] == pytest.approx((2 * -3.1 + 5 * -3.4) / 7)
    assert found["hull: largest share"] == pytest.approx(5 / 7)
    assert found["hull: share of elements"] == 0
    alone = features(known(distances), "PbI2")
    assert (alone["hull: energy"], alone["hull: share of elements"]) == (0, 1)


def test_relatives_count_by_how_like_their_elements_are(distances):
    # Given barium zirconate, new: beside it CaZrO3, SrZrO3 (alkaline earths), BaTiO3 and BaHfO3
    found = features(known(distances), "BaZrO3")
    others = {("Ba", "Ca"): -3.7, ("Ba", "Sr"): -3.6, ("Zr", "Ti"): -3.5, ("Zr", "Hf"): -3.6}
    away = {pair: distances[ATOMIC_NUMBERS[pair[0]], ATOMIC_NUMBERS[pair[1]]] for pair in others}
    weights = np.exp(-np.array(list(away.values())) / 0.4)
    assert found["one other, 0.4: mean of energy"] == pytest.approx(
        np.average(list(others.values()), weights=weights), abs=1e-5
    )
    assert found["one other, 0.4: log weight"] == pytest.approx(np.log(weights.sum() + 1e-3), abs=1e-5)
    assert found["nearest: distance"] == pytest.approx(min(away.values()))
    # And all AEMO3 of groups 2, 4 and 16 are its family: MgTiO3, CaTiO3, SrTiO3, BaTiO3, CaZrO3, SrZrO3, BaHfO3
    assert found["families: log number"] == pytest.approx(np.log1p(7))
    assert found["families: mean of energy"] == pytest.approx(np.mean([-3.2, -3.5, -3.5, -3.5, -3.7, -3.6, -3.6]))
    # How far a relative lies above the hull of the others counts as well
    calcium = -3.7 - (2 * -3.3 + 3 * -3.8) / 5
    assert features(known(distances, {"CaO": -3.3, "ZrO2": -3.8, "CaZrO3": -3.7}), "BaZrO3")[
        "nearest: above hull"
    ] == pytest.approx(calcium)


def test_a_known_composition_is_told_nothing_of_itself(distances):
    # Given what is known of all, and of all but one
    everything = known(distances)
    together = dict(zip(KNOWN, everything.features(list(KNOWN)), strict=True))
    for formula in KNOWN:
        others = known(distances, {name: energy for name, energy in KNOWN.items() if name != formula})
        # Then both say the same of that one
        np.testing.assert_allclose(
            together[formula], others.features([formula])[0], rtol=1e-5, atol=1e-5, err_msg=formula
        )


def test_its_own_energy_changes_nothing_either_way_it_is_written(distances):
    table = known(distances)
    changed = known(distances, KNOWN | {"KMgF3": 0.5})
    np.testing.assert_array_equal(table.features(["KMgF3", "F6K2Mg2"]), changed.features(["KMgF3", "KMgF3"]))
    assert (table.features(["NaMgF3"]) != changed.features(["NaMgF3"])).any()


def test_of_polymorphs_the_lowest_is_known(distances):
    several = KnownEnergies.of(["TiO2", "Ti2O4", "MgO"], [-3.4, -3.5, -3.0], distances)
    assert len(several.energies) == 2
    assert features(several, "MgTiO3")["hull: energy"] == pytest.approx((3 * -3.5 + 2 * -3.0) / 5)


def test_bad_input_is_an_error(distances):
    with pytest.raises(UnknownElement, match="Xx"):
        known(distances).features(["MgO", "XxO"])
    table = known(distances)
    with pytest.raises(BadKnownEnergies, match="37 known formulas"):
        KnownEnergies(table.formulas, table.energies[:-1], table.hull, table.distances)
