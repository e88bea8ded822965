"""Whether a composition is one of a 2D material: the published random forest, and boosted trees that know relatives.

Fits on formulas with labels, gives probabilities, packs to bytes that hold no code. Knows no database; how well it does
is measured in `cross_validation`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # scikit-learn brings it

from ...learning import weights
from ...learning.config import BadConfig
from ...learning.tree_ensemble import BadTrees, TreeEnsemble, gains
from .. import magpie, similar_compositions, stoichiometry
from ..formula.formula_arrays import Formulas
from ..formula.parsing import parse
from ..formula.single_formula import UnparsableFormula
from ..similar_compositions import BadRelatives, Relatives, Tally
from .config import ClassifierConfig, Kind
from .training_compositions import UnfitTrainingSet, check_training_set, training_set

__all__ = [
    "WEIGHTS_KIND",
    "Classifier",
    "ClassifierConfig",
    "Kind",
    "Progress",
    "UnfitTrainingSet",
    "check_training_set",
    "feature_labels",
    "fit",
    "training_set",
    "unpack",
]

WEIGHTS_KIND: Final = "2d-classifier"

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

#: Formulas taken from features to probability at a time, which bounds memory.
_BLOCK: Final = 1 << 14

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Classifier:
    """A fitted classifier.

    Attributes
    ----------
    config
        How it was made.
    trees
        What it learned.
    known
        The compositions it learned from, by their patterns; None for a forest.
    importance
        Shape (features,): how much the splits at each of the `feature_labels` parted the classes (impurity in a forest,
        gain in boosted trees), as a share of all.
    """

    config: ClassifierConfig
    trees: TreeEnsemble
    known: Relatives | None
    importance: NDArray[np.float64]

    def probability(self, formulas: Sequence[str] | Formulas, *, threads: int = 1) -> NDArray[np.float64]:
        """Probability that each composition is one of a 2D material.

        Parameters
        ----------
        formulas
            Texts, or what `parse` made of them. Memory does not grow with their number beyond the result.
        threads
            Threads that share the trees' part of the work; the result does not depend on it.

        Returns
        -------
        ndarray, shape (n,)

        Raises
        ------
        UnparsableFormula, UnknownElement
            For the first bad formula; `parse_or_report` sorts bad ones out beforehand.
        """
        parsed = parse(formulas)
        _refuse_empty(parsed)
        probabilities = np.empty(len(parsed))
        for place, block in parsed.blocks(_BLOCK):
            sums = self.trees.sums(_features(block, self.known), threads=threads)
            probabilities[place] = (
                sums / self.config.forest_trees
                if self.config.kind == "forest"
                else 1 / (1 + np.exp(-sums / self.config.boosted_members))
            )
        return probabilities

    def known_of_family(self, formulas: Sequence[str] | Formulas) -> NDArray[np.int64] | None:
        """How many compositions of each one's family it learned from; None for a forest, which does not know.

        Where there are none, the probability is worth what the folds by family say (`cross_validation`).

        Raises
        ------
        UnparsableFormula, UnknownElement
            For the first bad formula.
        """
        return None if self.known is None else self.known.known_of_family(formulas)

    def pack(self) -> bytes:
        """Pack the classifier; the bytes hold arrays and plain data, no code. `unpack` gives it back bit by bit."""
        state: dict[str, Any] = {
            "n_features": self.trees.n_features,
            "trees": {name: torch.from_numpy(array.copy()) for name, array in self.trees.arrays().items()},
            "known": None,
            "importance": torch.from_numpy(self.importance.copy()),
        }
        if self.known is not None:
            state["known"] = {
                "share": self.known.share,
                "tallies": {
                    name: [torch.from_numpy(array.copy()) for array in tally]
                    for name, tally in self.known.tallies.items()
                },
            }
        settings = self.config.to_dict()
        return weights.pack(WEIGHTS_KIND, settings, {**state, "digest": _digest(settings, state)})


def unpack(data: bytes) -> Classifier:
    """Classifier from its packed bytes.

    Raises
    ------
    exfolio.models.learning.weights.DamagedWeights, WrongModel
        The bytes are no weights, not all of them, or those of another model.
    """
    settings, state = weights.unpack(data, WEIGHTS_KIND)
    if state.pop("digest", None) != _digest(settings, state):
        raise weights.DamagedWeights(f"these {len(data):,} bytes are not what was packed; train the classifier again")
    try:
        config = ClassifierConfig.from_dict(settings)
        trees = TreeEnsemble.from_arrays(
            state["n_features"], {name: tensor.numpy() for name, tensor in state["trees"].items()}
        )
        known = None
        if state["known"] is not None:
            tallies = {
                name: Tally(*(tensor.numpy() for tensor in tally)) for name, tally in state["known"]["tallies"].items()
            }
            known = Relatives(state["known"]["share"], tallies)
        classifier = Classifier(config, trees, known, state["importance"].numpy())
        _check_fit_together(classifier)
    except (BadConfig, BadTrees, BadRelatives, KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise weights.DamagedWeights(
            f"these weights are not those of a classifier ({reason}); train it again"
        ) from None
    return classifier


def _digest(settings: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    """Digest what is packed: a changed byte within an array would otherwise pass and give other probabilities."""
    digest = hashlib.sha256()

    def add(value: Any) -> None:
        if isinstance(value, torch.Tensor):
            digest.update(f"{value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.contiguous().numpy().tobytes())
        elif isinstance(value, Mapping):
            for key in sorted(value):
                digest.update(repr(key).encode())
                add(value[key])
        elif isinstance(value, list | tuple):
            digest.update(str(len(value)).encode())
            for item in value:
                add(item)
        else:
            digest.update(repr(value).encode())

    add(settings)
    add(state)
    return digest.hexdigest()


def _check_fit_together(classifier: Classifier) -> None:
    boosted = classifier.config.kind == "boosted"
    if boosted != (classifier.known is not None):
        raise BadTrees(f"a {classifier.config.kind} classifier with{'' if classifier.known else 'out'} known relatives")
    expected = len(feature_labels(classifier.config.kind))
    if classifier.trees.n_features != expected:
        raise BadTrees(f"the trees take {classifier.trees.n_features} features, of {expected} there are")
    if classifier.importance.shape != (expected,) or classifier.importance.dtype != np.float64:
        raise BadTrees(f"the importance of {expected} features is of shape {classifier.importance.shape}")
    members = classifier.config.boosted_members
    expected_trees = members * (classifier.config.boosted_rounds + 1) if boosted else classifier.config.forest_trees
    if len(classifier.trees) != expected_trees:
        raise BadTrees(f"{len(classifier.trees)} trees, where the settings say {expected_trees}")


def feature_labels(kind: Kind) -> list[str]:
    """Name the features that a classifier of this kind learns from."""
    if kind == "forest":
        return magpie.feature_labels()
    return [*magpie.feature_labels(), *stoichiometry.feature_labels(), *similar_compositions.feature_labels()]


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
    features = _features(parse(formulas), None)
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
    plain, family = _plain_features(distinct), similar_compositions.families(distinct)
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
        features = _rounded(np.hstack([plain, of_relatives]))[entry]
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


def _features(parsed: Formulas, known: Relatives | None) -> NDArray[np.float32]:
    if known is None:
        return _rounded(magpie.featurize(parsed.reduced()))
    reduced = parsed.reduced()
    return _rounded(np.hstack([_plain_features(reduced), known.features(reduced)]))


def _plain_features(reduced: Formulas) -> NDArray[np.float64]:
    return np.hstack([magpie.featurize(reduced), stoichiometry.featurize(reduced)])


def _rounded(features: NDArray[np.float64]) -> NDArray[np.float32]:
    # scikit-learn grows forests on single precision, so that is what the thresholds are about.
    return features.astype(np.float32)


def _refuse_empty(parsed: Formulas) -> None:
    empty = np.flatnonzero(parsed.nelements == 0)
    if len(empty):
        raise UnparsableFormula("", f"formula {int(empty[0])} names no atoms, one of {len(empty)} that do not")
