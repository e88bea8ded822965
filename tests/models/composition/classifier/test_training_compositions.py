"""What a classifier can learn from, and what it can't."""

import pytest
from exfolio.models.composition.classifier.training_compositions import (
    UnfitTrainingSet,
    check_training_set,
    training_set,
)


def test_a_training_set_has_no_2d_composition_among_the_others() -> None:
    formulas, is_2d = training_set(["Mo2S4", "MoS2", "WSe2"], ["SeWSe", "NaCl", "Na2Cl2", "MoS2"])
    assert formulas == ["MoS2", "MoS2", "WSe2", "NaCl", "NaCl"]
    assert is_2d.tolist() == [True, True, True, False, False]


def test_formulas_come_back_reduced_with_their_labels() -> None:
    formulas, is_2d = check_training_set(["Mo2S4", "Na Cl"], [1, 0])
    assert formulas == ["MoS2", "NaCl"]
    assert is_2d.tolist() == [True, False]


@pytest.mark.parametrize(
    ("formulas", "is_2d", "complaint"),
    [
        ([], [], "empty"),
        (["MoS2", "WS2"], [True, True], "all 2 compositions are 2D; both classes"),
        (["MoS2", "WS2"], [0, 0], "all 2 compositions are not 2D"),
        (["MoS2", "NaCl"], [True], r"2 formulas need as many labels, got labels of shape \(1,\)"),
        (["MoS2", "NaCl"], [1, 2], "labels are true or false"),
        (["MoS2", "NaCl"], [1, float("nan")], "labels are true or false"),
        (["MoS2", "NaCl"], ["yes", "no"], "labels are true or false"),
        (["MoS2", "NaCl", "Mo2S4"], [True, False, False], "1 compositions are in both classes: MoS2"),
    ],
)
def test_training_sets_that_teach_nothing_are_refused(formulas, is_2d, complaint: str) -> None:
    with pytest.raises(UnfitTrainingSet, match=complaint):
        check_training_set(formulas, is_2d)
