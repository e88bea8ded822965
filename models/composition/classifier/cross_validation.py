"""How well a classifier tells compositions it has not seen: cross validation by three protocols.

"entries" is the published one: entries as they are, so that polymorphs of one composition fall on both sides.
"compositions": each reduced formula once, so that none is on both sides, though its relatives may be. "families": each
once, and all of a family (same amounts, elements of the same groups) on one side, which tells what a classifier is
worth where it has not been. Knows no database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedKFold

from ..formula.formula_arrays import Formulas
from ..similar_compositions import families
from .config import ClassifierConfig
from .fitting import fit
from .model import feature_labels
from .report import report
from .training_compositions import check_training_set

Protocol = Literal["entries", "compositions", "families"]

#: Song et al., ACS Appl. Mater. Interfaces 13, 53303 (2021).
PUBLISHED_FOLDS: Final = 10


class BadDivision(ValueError):
    """Compositions that can't be divided as wished."""


@dataclass(frozen=True, eq=False)
class Division:
    """Compositions in folds, each with its share of 2D ones.

    Attributes
    ----------
    formulas
        Reduced; in the protocols "compositions" and "families" each once, in alphabetical order.
    is_2d, fold
        Label and fold (from 0) of each.
    folds
        How many there are.
    """

    formulas: list[str]
    is_2d: NDArray[np.bool_]
    fold: NDArray[np.int64]
    folds: int


@dataclass(frozen=True, eq=False)
class FoldResult:
    """What a classifier that did not see a fold says of it.

    Attributes
    ----------
    probability
        Of the members of the fold, in their order in the division.
    importance
        Of the features, as `model.Classifier.importance`.
    """

    probability: NDArray[np.float64]
    importance: NDArray[np.float64]


def divide(
    formulas: Sequence[str] | Formulas,
    is_2d: ArrayLike,
    *,
    protocol: Protocol = "compositions",
    folds: int = PUBLISHED_FOLDS,
    seed: int = 0,
) -> Division:
    """Divide compositions into folds at random.

    Parameters
    ----------
    formulas, is_2d
        Compositions and their labels, n of each.
    protocol
        "entries" leaves compositions that come several times where they are; "compositions" takes each once, "families"
        too, and keeps families together.
    folds
        How many.
    seed
        Of the division.

    Raises
    ------
    BadDivision
        For fewer than two folds, more of them than there are members of a class, or a protocol there is none of.
    UnfitTrainingSet, UnparsableFormula, UnknownElement
        As `check_training_set`.
    """
    if protocol not in get_args(Protocol):
        raise BadDivision(f"the protocol is one of {', '.join(get_args(Protocol))}, not {protocol!r}")
    texts, labels = check_training_set(formulas, is_2d)
    if protocol != "entries":
        names, first = np.unique(np.array(texts), return_index=True)
        texts, labels = names.tolist(), labels[first]
    fewest = int(min(labels.sum(), (~labels).sum()))
    if not 2 <= folds <= fewest:
        raise BadDivision(f"between 2 and {fewest} folds are possible, as many as the rarer class has, not {folds}")
    if protocol == "families":
        return Division(texts, labels, _folds_of_families(families(texts), labels, folds, seed), folds)
    fold = np.empty(len(texts), dtype=np.int64)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for number, (_, members) in enumerate(splitter.split(np.zeros(len(texts)), labels)):
        fold[members] = number
    return Division(texts, labels, fold, folds)


def _folds_of_families(family: NDArray[np.int64], is_2d: NDArray[np.bool_], folds: int, seed: int) -> NDArray[np.int64]:
    """Deal whole families to the folds: those with most 2D compositions first, so that each fold has its share."""
    two_d = np.bincount(family, is_2d)
    order = np.random.default_rng(seed).permutation(len(two_d))
    order = order[np.argsort(-two_d[order], kind="stable")]
    dealt = np.empty(len(order), dtype=np.int64)
    place = np.arange(len(order))
    # There and back again, or the first fold would have the largest family of each round.
    dealt[order] = np.where(place // folds % 2, folds - 1 - place % folds, place % folds)
    fold = dealt[family]
    poor = [number for number in range(folds) if len(np.unique(is_2d[fold == number])) < 2]
    if poor:
        raise BadDivision(f"{len(order)} families can't be dealt to {folds} folds so that each has both classes")
    return fold


def judge_fold(
    division: Division, fold: int, config: ClassifierConfig, *, seed: int = 0, threads: int = 1
) -> FoldResult:
    """Fit a classifier to the other folds and ask it about this one.

    Parameters
    ----------
    division
        Compositions in folds.
    fold
        Which of them, from 0.
    config
        Of the classifier.
    seed
        Of the classifier.
    threads
        Threads that grow the trees.

    Raises
    ------
    BadDivision
        There is no such fold.
    """
    if not 0 <= fold < division.folds:
        raise BadDivision(f"there are folds 0 to {division.folds - 1}, not {fold}")
    inside = division.fold == fold
    learned = [formula for formula, out in zip(division.formulas, inside.tolist(), strict=True) if not out]
    asked = [formula for formula, out in zip(division.formulas, inside.tolist(), strict=True) if out]
    classifier = fit(learned, division.is_2d[~inside], config, seed=seed, threads=threads)
    return FoldResult(classifier.probability(asked, threads=threads), classifier.importance)


def cross_validate(
    formulas: Sequence[str] | Formulas,
    is_2d: ArrayLike,
    config: ClassifierConfig | None = None,
    *,
    protocol: Protocol = "compositions",
    folds: int = PUBLISHED_FOLDS,
    seed: int = 0,
    only: Sequence[int] | None = None,
    done: Mapping[int, FoldResult] | None = None,
    keep: Callable[[int, FoldResult], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    threads: int = 1,
) -> dict[str, Any]:
    """Cross validate a classifier.

    Parameters
    ----------
    formulas, is_2d
        As for `model.fit`.
    config
        Of the classifier; `ClassifierConfig()` if None.
    protocol
        "entries", "compositions" or "families".
    folds
        How many.
    seed
        Of the division and of the classifiers.
    only
        The folds to judge (from 0), when not all; the report says which.
    done
        Results of folds that an earlier call, with the same arguments, gave to `keep`.
    keep
        Given the result of each fold as soon as there is one.
    progress
        Called with folds done and folds wanted; may raise to stop.
    threads
        Folds judged at once; what comes out does not depend on it.

    Returns
    -------
    dict
        As `report.report`, with ``protocol``, ``seed`` and ``config``; plain data.

    Raises
    ------
    BadDivision
        As `divide`, for a fold there is none of, or for results that are of other data.
    UnfitTrainingSet, UnparsableFormula, UnknownElement
        As `check_training_set`.
    """
    config = config or ClassifierConfig()
    division = divide(formulas, is_2d, protocol=protocol, folds=folds, seed=seed)
    judged_folds = sorted(set(range(folds) if only is None else only))
    if not judged_folds or judged_folds[0] < 0 or judged_folds[-1] >= folds:
        raise BadDivision(f"there are folds 0 to {folds - 1}, of which at least one is judged, not {judged_folds}")
    results: dict[int, FoldResult] = {}
    # Trees are grown without the interpreter's lock. Threads that share one tree would wait for each other at every
    # split, and on a machine that is busy with other things nearly all the time.
    pool = ThreadPoolExecutor(threads)
    try:
        begun = {
            fold: pool.submit(judge_fold, division, fold, config, seed=seed)
            for fold in judged_folds
            if fold not in (done or {})
        }
        for number, fold in enumerate(judged_folds):
            result = begun[fold].result() if fold in begun else (done or {})[fold]
            if fold in begun and keep is not None:
                keep(fold, result)
            members = int((division.fold == fold).sum())
            if result.probability.shape != (members,):
                raise BadDivision(
                    f"fold {fold} has {members} members, its result {result.probability.shape}: of other data"
                )
            results[fold] = result
            if progress is not None:
                progress(number + 1, len(judged_folds))
    finally:
        pool.shutdown(cancel_futures=True)
    probability = np.full(len(division.formulas), np.nan)
    for fold, result in results.items():
        probability[division.fold == fold] = result.probability
    judged = np.isin(division.fold, judged_folds)
    importance = np.mean([result.importance for result in results.values()], axis=0)
    return {
        "protocol": protocol,
        "seed": seed,
        "config": config.to_dict(),
        "folds_wanted": folds,
        **report(
            division.is_2d[judged],
            probability[judged],
            division.fold[judged],
            importance=dict(zip(feature_labels(config.kind), importance.tolist(), strict=True)),
        ),
    }
