"""Relatives of compositions, counted."""

import numpy as np
import pytest
from exfolio.models.composition.similar_compositions import BadRelatives, Relatives, Tally, feature_labels

KNOWN = {"MoS2": True, "WSe2": True, "MoSe2": True, "TiO2": False, "MoO2": False, "CrCl3": True, "NaCl": False}


@pytest.fixture
def relatives() -> Relatives:
    return Relatives.of(list(KNOWN), list(KNOWN.values()))


def features(relatives: Relatives, formula: str) -> dict[str, float]:
    return dict(zip(feature_labels(), relatives.features([formula])[0], strict=True))


def test_tungsten_disulfide_has_the_relatives_that_replacing_its_elements_gives(relatives):
    found = features(relatives, "WS2")
    assert found["amounts: known"] == 5  # the AB2, of which three are 2D
    assert found["amounts: 2D"] == 3
    assert found["families: known"] == 4  # MoS2, WSe2, MoSe2 and MoO2
    assert found["families: 2D"] == 3
    assert found["one of family: known"] == found["one of family: 2D"] == 2  # MoS2 and WSe2
    assert found["one other: 2D"] == 2
    assert found["elements: known"] == 0
    assert found["families, one same: known"] == 2  # WSe2 by its tungsten, MoS2 by its sulfur
    assert found["families, one other: known"] == 4 + 5  # any disulfide, selenide, oxide; anything of Cr, Mo, W


def test_amounts_count_but_not_their_common_factor(relatives):
    np.testing.assert_array_equal(relatives.features(["W4S8"]), relatives.features(["WS2"]))
    assert features(relatives, "WS3")["families: known"] == 0
    assert features(relatives, "WS3")["element families: known"] == 4
    assert features(relatives, "MoS3")["elements: known"] == 1


def test_a_share_of_few_is_drawn_towards_the_share_of_all(relatives):
    everywhere = 4 / 7
    assert features(relatives, "UNp")["families: share"] == pytest.approx(everywhere)
    assert features(relatives, "WS2")["families: share"] == pytest.approx((3 + 2 * everywhere) / (4 + 2))


def test_left_out_folds_give_the_features_of_tallies_made_without_them():
    formulas, is_2d = np.array(list(KNOWN)), np.array(list(KNOWN.values()))
    folds = np.array([0, 1, 2, 0, 1, 2, 1])
    everything, left_out = Relatives.out_of_fold(formulas.tolist(), is_2d, folds)
    for fold in range(3):
        out = folds == fold
        others = Relatives.of(formulas[~out].tolist(), is_2d[~out])
        expected = dict(zip(feature_labels(), others.features(formulas[out].tolist()).T, strict=True))
        found = dict(zip(feature_labels(), left_out[out].T, strict=True))
        for name in feature_labels():
            if name.endswith((": 2D", ": known")):  # shares are drawn towards that of all, known to every fold
                np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    np.testing.assert_array_equal(
        everything.features(["WS2", "VSe2"]), Relatives.of(formulas.tolist(), is_2d).features(["WS2", "VSe2"])
    )


def test_no_label_of_a_left_out_fold_shows_in_its_features():
    formulas, is_2d = list(KNOWN), np.array(list(KNOWN.values()))
    folds = np.arange(len(formulas))
    for index in range(len(formulas)):
        changed = is_2d.copy()
        changed[index] = not changed[index]
        before = Relatives.out_of_fold(formulas, is_2d, folds)[1][index]
        after = Relatives.out_of_fold(formulas, changed, folds)[1][index]
        counts = [name.endswith((": 2D", ": known")) for name in feature_labels()]
        np.testing.assert_array_equal(before[counts], after[counts])


def test_tallies_that_are_none_are_refused(relatives):
    tally = relatives.tallies["role"]
    for bad, complaint in [
        (Tally(tally.keys[::-1], tally.two_d, tally.known), "not in order"),
        (Tally(tally.keys, tally.known + 1, tally.known), "more 2D ones than all"),
        (Tally(tally.keys[1:], tally.two_d, tally.known), "has"),
    ]:
        with pytest.raises(BadRelatives, match=complaint):
            Relatives(relatives.share, {**relatives.tallies, "role": bad})
    with pytest.raises(BadRelatives, match="'role' has no tally"):
        Relatives(relatives.share, {name: t for name, t in relatives.tallies.items() if name != "role"})
    with pytest.raises(BadRelatives, match="between 0 and 1"):
        Relatives(1.0, relatives.tallies)
