"""Whether a composition is one of a 2D material: the published random forest, and boosted trees that know relatives.

Gives probabilities, and is read from bytes that hold no code; `fitting` makes and packs it. Knows no database, and
imports neither torch nor scikit-learn, as a few answers take less time than these to import.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...learning.config import BadConfig
from ...learning.packed import DamagedWeights, unpack_arrays
from ...learning.tree_ensemble import BadTrees, TreeEnsemble
from .. import magpie, similar_compositions, stoichiometry
from ..formula.formula_arrays import Formulas
from ..formula.parsing import parse
from ..formula.single_formula import UnparsableFormula
from ..similar_compositions import BadRelatives, Relatives, Tally
from .config import ClassifierConfig, Kind

WEIGHTS_KIND: Final = "2d-classifier"

#: Formulas taken from features to probability at a time, which bounds memory.
_BLOCK: Final = 1 << 14


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
            sums = self.trees.sums(features_of(block, self.known), threads=threads)
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


def unpack(data: bytes) -> Classifier:
    """Classifier from its packed bytes.

    Raises
    ------
    exfolio.models.learning.packed.DamagedWeights, WrongModel
        The bytes are no weights, not all of them, or those of another model.
    """
    settings, state = unpack_arrays(data, WEIGHTS_KIND)
    if state.pop("digest", None) != digest(settings, state):
        raise DamagedWeights(f"these {len(data):,} bytes are not what was packed; train the classifier again")
    try:
        config = ClassifierConfig.from_dict(settings)
        trees = TreeEnsemble.from_arrays(state["n_features"], state["trees"])
        known = None
        if state["known"] is not None:
            tallies = {name: Tally(*tally) for name, tally in state["known"]["tallies"].items()}
            known = Relatives(state["known"]["share"], tallies)
        classifier = Classifier(config, trees, known, state["importance"])
        _check_fit_together(classifier)
    except (BadConfig, BadTrees, BadRelatives, KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DamagedWeights(f"these weights are not those of a classifier ({reason}); train it again") from None
    return classifier


def digest(settings: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    """Digest what is packed: a changed byte within an array would otherwise pass and give other probabilities."""
    digested = hashlib.sha256()

    def add(value: Any) -> None:
        if isinstance(value, np.ndarray):
            digested.update(f"torch.{value.dtype} {value.shape}".encode())
            digested.update(np.ascontiguousarray(value).data)
        elif isinstance(value, Mapping):
            for key in sorted(value):
                digested.update(repr(key).encode())
                add(value[key])
        elif isinstance(value, list | tuple):
            digested.update(str(len(value)).encode())
            for item in value:
                add(item)
        else:
            digested.update(repr(value).encode())

    add(settings)
    add(state)
    return digested.hexdigest()


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


def features_of(parsed: Formulas, known: Relatives | None) -> NDArray[np.float32]:
    """Features of compositions, those of relatives among known ones where there are such."""
    if known is None:
        return rounded(magpie.featurize(parsed.reduced()))
    reduced = parsed.reduced()
    return rounded(np.hstack([plain_features(reduced), known.features(reduced)]))


def plain_features(reduced: Formulas) -> NDArray[np.float64]:
    """Features of reduced formulas that need nothing known."""
    return np.hstack([magpie.featurize(reduced), stoichiometry.featurize(reduced)])


def rounded(features: NDArray[np.float64]) -> NDArray[np.float32]:
    """Features in single precision."""
    # scikit-learn grows forests on single precision, so that is what the thresholds are about.
    return features.astype(np.float32)


def _refuse_empty(parsed: Formulas) -> None:
    empty = np.flatnonzero(parsed.nelements == 0)
    if len(empty):
        raise UnparsableFormula("", f"formula {int(empty[0])} names no atoms, one of {len(empty)} that do not")
