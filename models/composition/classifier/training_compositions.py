"""Compositions with labels, 2D or not, from which a classifier can be learned; refuses those from which none can.

Knows no classifier.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formula.formula_arrays import Formulas
from ..formula.formulas import reduced_formulas


class UnfitTrainingSet(ValueError):
    """Compositions with labels from which no classifier can be learned."""


def training_set(
    two_d: Sequence[str] | Formulas, others: Sequence[str] | Formulas
) -> tuple[list[str], NDArray[np.bool_]]:
    """Make a training set: the 2D compositions, and the others but for those that are compositions of 2D ones.

    Returns
    -------
    formulas
        Reduced, as often as they were given.
    is_2d
        Their labels.
    """
    positives = reduced_formulas(two_d)
    known = set(positives)
    negatives = [formula for formula in reduced_formulas(others) if formula not in known]
    return positives + negatives, np.arange(len(positives) + len(negatives)) < len(positives)


def check_training_set(formulas: Sequence[str] | Formulas, is_2d: ArrayLike) -> tuple[list[str], NDArray[np.bool_]]:
    """Reduced formulas and labels from which a classifier can be learned.

    Raises
    ------
    UnfitTrainingSet
        Nothing to learn from, labels that are none or not as many, only one class, or a composition in both.
    UnparsableFormula, UnknownElement
        For the first bad formula.
    """
    given = np.asarray(is_2d)
    reduced = reduced_formulas(formulas)
    if not reduced:
        raise UnfitTrainingSet("the training set is empty; give 2D compositions and others")
    if given.shape != (len(reduced),):
        raise UnfitTrainingSet(f"{len(reduced)} formulas need as many labels, got labels of shape {given.shape}")
    if given.dtype != bool and not (given.dtype.kind in "iuf" and np.isin(given, (0, 1)).all()):
        raise UnfitTrainingSet(f"labels are true or false (1 or 0), got {given.dtype}: {np.unique(given)[:5]}")
    labels = given.astype(bool)
    if labels.all() or not labels.any():
        raise UnfitTrainingSet(
            f"all {len(labels)} compositions are {'2D' if labels.all() else 'not 2D'}; both classes are needed"
        )
    two_d = {formula for formula, label in zip(reduced, labels, strict=True) if label}
    both = sorted(two_d & {formula for formula, label in zip(reduced, labels, strict=True) if not label})
    if both:
        raise UnfitTrainingSet(
            f"{len(both)} compositions are in both classes: {', '.join(both[:5])}{' …' if len(both) > 5 else ''}; "
            "`training_set` leaves them out of the others"
        )
    return reduced, labels
