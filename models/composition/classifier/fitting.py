"""Fits classifiers of compositions, and packs them to bytes that hold no code. Knows no database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # scikit-learn brings it

from ...learning import weights
from ...learning.tree_ensemble import TreeEnsemble, gains
from .. import similar_compositions
from ..formula.formula_arrays import Formulas
from ..formula.parsing import parse
from ..similar_compositions import Relatives
from .config import ClassifierConfig
from .model import WEIGHTS_KIND, Classifier, digest, feature_labels, features_of, plain_features, rounded
from .training_compositions import check_training_set

#: Trees of a forest grown between two reports of progress.
_TREES_AT_ONCE: Final = 10

#: Trees by which the features are chosen that a boosting learns from, and the compositions without a 2D material that
#: these trees are grown on: a share of all, and at least so many.
_FEW_TREES: Final = 20
_SHARE_LOOKED_AT: Final = 0.25
_LOOKED_AT: Final = 20_000

#: Folds by family of the shorter boostings that say which others may be two-dimensional, and how much shorter they are.
_FAMILY_FOLDS: Final = 3
_SHORTER: Final = 3

Progress = Callable[[int, int], None]


def fit(
    formulas: Sequence[str] | Formulas,
    is_2d: ArrayLike,
    config: ClassifierConfig | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    threads: int = 1,
) -> Classifier:
    """Fit a classifier.

    Parameters
    ----------
    formulas
        The training set; a composition may be given more than once and then weighs more.
    is_2d
        Whether each is a composition of a 2D material.
    config
        How; `ClassifierConfig()` if None.
    seed
        Of the random choices; the same seed gives the same classifier.
    progress
        Called with trees grown and trees wanted, now and then; may raise to stop.
    threads
        Threads that grow the trees.

    Raises
    ------
    UnfitTrainingSet
        As `check_training_set`.
    UnparsableFormula, UnknownElement
        For the first bad formula.
    """
    config = config or ClassifierConfig()
    reduced, labels = check_training_set(formulas, is_2d)
    report = progress or _silent
    if config.kind == "forest":
        return _fit_forest(reduced, labels, config, seed, report, threads)
    return _fit_boosted(reduced, labels, config, seed, report, threads)


def _silent(_done: int, _total: int) -> None:
    pass


def _fit_forest(
    formulas: list[str],
    labels: NDArray[np.bool_],
    config: ClassifierConfig,
    seed: int,
    report: Progress,
    threads: int,
) -> Classifier:
    features = features_of(parse(formulas), None)
    forest = RandomForestClassifier(
        max_depth=config.forest_max_depth,
        max_features=config.forest_features,
        n_jobs=threads,
        random_state=seed,
        warm_start=True,  # the trees of a forest grown in parts are those of one grown at once
    )
    for trees in [*range(_TREES_AT_ONCE, config.forest_trees, _TREES_AT_ONCE), config.forest_trees]:
        forest.set_params(n_estimators=trees).fit(features, labels)
        report(trees, config.forest_trees)
    return Classifier(config, TreeEnsemble.from_forest(forest), None, forest.feature_importances_)


def _fit_boosted(
    formulas: list[str],
    labels: NDArray[np.bool_],
    config: ClassifierConfig,
    seed: int,
    report: Progress,
    threads: int,
) -> Classifier:
    _, first, entry = np.unique(np.array(formulas), return_index=True, return_inverse=True)
    distinct, is_2d = parse([formulas[index] for index in first.tolist()]), labels[first]
    plain, family = plain_features(distinct), similar_compositions.families(distinct)
    members, known, gain = [], None, np.zeros(len(feature_labels(config.kind)))
    for member in range(config.boosted_members):
        rng = np.random.default_rng([seed, member])
        folds = rng.integers(config.inner_folds, size=len(distinct))
        known, of_relatives = Relatives.out_of_fold(distinct, is_2d, folds)
        if config.untold:
            folds = rng.integers(config.inner_folds, size=int(family.max()) + 1)[family]
            _, of_other_families = Relatives.out_of_fold(distinct, is_2d, folds)
            untold = rng.random(len(distinct)) < config.untold
            of_relatives[untold] = of_other_families[untold]
        features = rounded(np.hstack([plain, of_relatives]))[entry]
        boosting = HistGradientBoostingClassifier(
            learning_rate=config.boosted_rate,
            max_iter=config.boosted_rounds,
            max_leaf_nodes=config.boosted_leaves,
            min_samples_leaf=config.boosted_min_leaf,
            max_features=config.boosted_features,
            l2_regularization=config.boosted_l2,
            early_stopping=False,
            random_state=int(rng.integers(2**31)),
        )
        with threadpool_limits(threads):
            columns = _telling_columns(boosting, features, labels, config.boosted_columns, rng)
            telling = features[:, columns]
            if config.unlabelled_above < 1:
                sure = labels | (_by_family(boosting, telling, labels, family[entry], rng) <= config.unlabelled_above)
                boosting.fit(telling[sure], labels[sure])
            else:
                boosting.fit(telling, labels)
        members.append(TreeEnsemble.from_boosting(boosting).on_columns(columns, len(gain)))
        gain[columns] += gains(boosting)
        report((member + 1) * config.boosted_rounds, config.boosted_members * config.boosted_rounds)
    return Classifier(config, TreeEnsemble.joined(members), known, gain / max(gain.sum(), np.finfo(float).tiny))


def _by_family(
    boosting: HistGradientBoostingClassifier,
    features: NDArray[np.float32],
    labels: NDArray[np.bool_],
    family: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Probability of each by a shorter boosting that learned from other families, shape (n,)."""
    folds = rng.integers(_FAMILY_FOLDS, size=int(family.max()) + 1)[family]
    shorter = clone(boosting).set_params(max_iter=-(-boosting.max_iter // _SHORTER))
    probability = np.zeros(len(labels))
    for fold in range(_FAMILY_FOLDS):
        inside = folds == fold
        if inside.any() and 0 < labels[~inside].sum() < (~inside).sum():
            learned = clone(shorter).fit(features[~inside], labels[~inside])
            probability[inside] = learned.predict_proba(features[inside])[:, 1]
    return probability


def _telling_columns(
    boosting: HistGradientBoostingClassifier,
    features: NDArray[np.float32],
    labels: NDArray[np.bool_],
    number: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Columns of the features, in order, at which a few such trees part the classes most."""
    if number >= features.shape[1]:
        return np.arange(features.shape[1])
    looked_at = max(_LOOKED_AT, round(_SHARE_LOOKED_AT * len(labels)))
    rows = np.flatnonzero(labels | (rng.random(len(labels)) * (~labels).sum() < looked_at))
    few = clone(boosting).set_params(max_iter=_FEW_TREES).fit(features[rows], labels[rows])
    return np.sort(np.argsort(-gains(few), kind="stable")[:number])


def pack(classifier: Classifier) -> bytes:
    """Pack a classifier; the bytes hold arrays and plain data, no code. `model.unpack` gives it back bit by bit."""
    known = None
    if classifier.known is not None:
        tallies = {name: list(tally) for name, tally in classifier.known.tallies.items()}
        known = {"share": classifier.known.share, "tallies": tallies}
    state = {
        "n_features": classifier.trees.n_features,
        "trees": classifier.trees.arrays(),
        "known": known,
        "importance": classifier.importance,
    }
    settings = classifier.config.to_dict()
    return weights.pack(WEIGHTS_KIND, settings, {**state, "digest": digest(settings, state)})
