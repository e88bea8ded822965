"""What the numbers in a formula say."""

import numpy as np
import pytest
from exfolio.models.composition.stoichiometry import FAMILIES, GROUP_NAMES, feature_labels, featurize


def features(formula: str) -> dict[str, float]:
    return dict(zip(feature_labels(), featurize([formula])[0], strict=True))


def test_features_of_molybdenite():
    found = features("Mo2S4")
    assert (found["elements"], found["atoms"]) == (2, 3)
    assert [found["amount 1"], found["amount 2"], found["amount 3"], found["smallest amount"]] == [2, 1, 0, 1]
    assert found["2-norm of fractions"] == pytest.approx((1 / 9 + 4 / 9) ** 0.5)
    assert found["entropy of fractions"] == pytest.approx(-np.log(1 / 3) / 3 - 2 * np.log(2 / 3) / 3)
    assert found["neutral (smact_default)"] == found["balanced (smact_default)"] == 1
    assert found["fraction of group 6"] == pytest.approx(1 / 3)
    assert found["fraction of group 16"] == pytest.approx(2 / 3)
    assert sum(value for name, value in found.items() if name.startswith("fraction of")) == pytest.approx(1)


def test_what_can_not_be_neutral_is_said_to_be_so():
    assert features("NaCl2")["neutral (smact_default)"] == 0


def test_hydrogen_and_the_f_elements_are_no_part_of_a_numbered_group():
    assert [GROUP_NAMES[FAMILIES[number]] for number in (1, 3, 21, 57, 71, 92)] == [
        "hydrogen",
        "group 1",
        "group 3",
        "lanthanides",
        "lanthanides",
        "actinides",
    ]


def test_many_give_what_each_gives_and_none_gives_none():
    formulas = ["LiFePO4", "MoS2", "C", "K2NaAlF6"]
    np.testing.assert_array_equal(featurize(formulas), np.vstack([featurize([formula]) for formula in formulas]))
    assert featurize([]).shape == (0, len(feature_labels()))
