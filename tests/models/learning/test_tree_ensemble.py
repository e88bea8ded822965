"""Trees as arrays say what scikit-learn's say."""

from types import SimpleNamespace

import numpy as np
import pytest
import sklearn.tree._tree
from exfolio.models.learning.tree_ensemble import BadTrees, TreeEnsemble, UnsupportedScikitLearn
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier


@pytest.fixture(scope="module")
def tumours() -> tuple[np.ndarray, np.ndarray]:
    features, labels = load_breast_cancer(return_X_y=True)
    return features.astype(np.float32), labels == 1


@pytest.fixture(scope="module")
def forest(tumours: tuple[np.ndarray, np.ndarray]) -> RandomForestClassifier:
    features, labels = tumours
    return RandomForestClassifier(20, max_depth=6, random_state=1).fit(features[::2], labels[::2])


def test_a_forest_says_what_scikit_learn_says_bit_by_bit(forest, tumours):
    features, _ = tumours
    trees = TreeEnsemble.from_forest(forest)
    np.testing.assert_array_equal(trees.sums(features) / len(trees), forest.predict_proba(features)[:, 1])


def test_boosted_trees_say_what_scikit_learn_says_bit_by_bit_also_of_samples_that_lack_features(tumours):
    features, labels = tumours
    holes = np.where(np.random.default_rng(0).random(features.shape) < 0.1, np.float32(np.nan), features)
    boosting = HistGradientBoostingClassifier(max_iter=20, random_state=1).fit(holes[::2], labels[::2])
    trees = TreeEnsemble.from_boosting(boosting)
    np.testing.assert_array_equal(trees.sums(holes), boosting.decision_function(holes))


def test_arrays_give_the_same_trees_and_threads_do_not_change_the_sum(forest, tumours):
    features, _ = tumours
    trees = TreeEnsemble.from_forest(forest)
    again = TreeEnsemble.from_arrays(trees.n_features, trees.arrays())
    np.testing.assert_array_equal(again.sums(features, threads=2), trees.sums(features))


def test_many_samples_are_divided_up_without_a_trace(forest, tumours):
    features = np.tile(tumours[0], (8, 1))
    trees = TreeEnsemble.from_forest(forest)
    expected = np.tile(trees.sums(tumours[0]), 8)
    for threads in (1, 3):
        np.testing.assert_array_equal(trees.sums(features, threads=threads), expected)


def test_few_samples_get_what_many_get_bit_by_bit_and_without_scikit_learn(tumours, monkeypatch):
    holes = np.where(np.random.default_rng(0).random(tumours[0].shape) < 0.1, np.float32(np.nan), tumours[0])
    boosting = HistGradientBoostingClassifier(max_iter=20, random_state=1).fit(holes[::2], tumours[1][::2])
    trees = TreeEnsemble.from_boosting(boosting)
    expected = trees.sums(holes)
    again = TreeEnsemble.from_arrays(trees.n_features, trees.arrays())
    monkeypatch.delattr(sklearn.tree._tree, "NODE_DTYPE")
    np.testing.assert_array_equal(again.sums(holes[:40]), expected[:40])
    assert again.sums(holes[:0]).shape == (0,)


def test_trees_joined_say_the_sum(forest, tumours):
    features, _ = tumours
    trees = TreeEnsemble.from_forest(forest)
    twice = TreeEnsemble.joined([trees, trees])
    assert len(twice) == 40
    np.testing.assert_allclose(twice.sums(features), 2 * trees.sums(features))


def test_trees_grown_on_some_columns_say_the_same_of_all_of_them(tumours):
    features, labels = tumours
    columns = np.array([2, 7, 20])
    boosting = HistGradientBoostingClassifier(max_iter=5, early_stopping=False).fit(features[:, columns], labels)
    trees = TreeEnsemble.from_boosting(boosting).on_columns(columns, features.shape[1])
    np.testing.assert_array_equal(trees.sums(features), boosting.decision_function(features[:, columns]))


def test_features_of_another_width_are_refused(forest, tumours):
    with pytest.raises(ValueError, match=r"shape \(n, 30\) and single precision, got \(569, 29\) of float32"):
        TreeEnsemble.from_forest(forest).sums(tumours[0][:, :29])
    with pytest.raises(ValueError, match=r"got \(569, 30\) of float64"):
        TreeEnsemble.from_forest(forest).sums(tumours[0].astype(np.float64))


def circle(arrays: dict[str, np.ndarray]) -> None:
    arrays["left"][0] = 0


def out_of_the_tree(arrays: dict[str, np.ndarray]) -> None:
    arrays["right"][0] = arrays["sizes"][0]


def feature_there_is_none_of(arrays: dict[str, np.ndarray]) -> None:
    arrays["feature"][0] = 30


def no_number(arrays: dict[str, np.ndarray]) -> None:
    arrays["value"][3] = np.nan


def cut_off(arrays: dict[str, np.ndarray]) -> None:
    arrays["threshold"] = arrays["threshold"][:-1]


def other_kind(arrays: dict[str, np.ndarray]) -> None:
    arrays["feature"] = arrays["feature"].astype(np.float64)


def missing(arrays: dict[str, np.ndarray]) -> None:
    del arrays["value"]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (circle, "does not come after it"),
        (out_of_the_tree, "does not come after it"),
        (feature_there_is_none_of, "look at feature 30, of 30"),
        (no_number, "not finite"),
        (cut_off, "do not fit"),
        (other_kind, "feature of the trees should be a row of int16, got float64"),
        (missing, "lack value"),
    ],
)
def test_damaged_trees_are_refused_before_they_are_walked_through(forest, damage, complaint):
    arrays = {name: array.copy() for name, array in TreeEnsemble.from_forest(forest).arrays().items()}
    damage(arrays)
    with pytest.raises(BadTrees, match=complaint):
        TreeEnsemble.from_arrays(30, arrays)


def test_a_scikit_learn_without_the_compiled_nodes_is_told_by_its_version(forest, tumours, monkeypatch):
    trees = TreeEnsemble.from_forest(forest)
    monkeypatch.delattr(sklearn.tree._tree, "NODE_DTYPE")
    with pytest.raises(UnsupportedScikitLearn, match=rf"{sklearn.__version__} has no NODE_DTYPE of sklearn"):
        trees.sums(tumours[0])


def test_a_scikit_learn_whose_nodes_lack_a_field_is_told(forest, tumours, monkeypatch):
    trees = TreeEnsemble.from_forest(forest)
    known = sklearn.tree._tree.NODE_DTYPE
    fewer = np.dtype([(name, known[name]) for name in known.names if name != "missing_go_to_left"])
    monkeypatch.setattr(sklearn.tree._tree, "NODE_DTYPE", fewer)
    with pytest.raises(UnsupportedScikitLearn, match="has no missing_go_to_left in the nodes of trees"):
        trees.sums(tumours[0])


def test_a_boosting_that_keeps_its_trees_elsewhere_is_told():
    with pytest.raises(UnsupportedScikitLearn, match="has no _predictors of SimpleNamespace"):
        TreeEnsemble.from_boosting(SimpleNamespace(n_features_in_=3))
