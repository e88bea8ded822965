"""How well space groups and cells are predicted for compositions not learnt from: cross validation by composition.

Each reduced formula is on one side only, with all its polymorphs. Knows no database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...composition.formula.formulas import reduced_formulas
from .bravais import BRAVAIS_LATTICES, bravais_lattices, free_angles
from .lattice_predictor import LatticeConfig, UnfitStructures, fit

PUBLISHED: Final = {"bravais_top_1": 0.542, "bravais_top_2": 0.706}
"""Liang et al., Phys. Rev. Mater. 4, 123802 (2020), on about 100,000 structures of the ICSD; the space group within the
true Bravais lattice: 0.638 (oP) to 0.947 (aP)."""

_TOPS_BRAVAIS: Final = (1, 2, 3)
_TOPS_WITHIN: Final = (1, 3)
_TOPS_GROUP: Final = (1, 2, 5)


def folds_by_formula(formulas: Sequence[str], folds: int, seed: int) -> NDArray[np.int64]:
    """Divide structures into folds at random, polymorphs of one composition together; shape (n,).

    Raises
    ------
    UnfitStructures
        For less than two folds, or more than there are compositions.
    """
    distinct, entry = np.unique(reduced_formulas(list(formulas)), return_inverse=True)
    if not 2 <= folds <= len(distinct):
        raise UnfitStructures(f"between 2 and {len(distinct)} folds are possible (compositions at hand), not {folds}")
    return np.asarray(np.random.default_rng(seed).permutation(len(distinct))[entry] % folds, dtype=np.int64)


def cross_validate(
    formulas: Sequence[str],
    space_groups: ArrayLike,
    lattices: ArrayLike,
    config: LatticeConfig | None = None,
    *,
    folds: int = 5,
    seed: int = 0,
    share: float = 1.0,
    progress: Callable[[int, int], None] | None = None,
    threads: int = 1,
) -> dict[str, Any]:
    """Cross validate a predictor.

    Parameters
    ----------
    formulas, space_groups, lattices, config
        As for `lattice_predictor.fit`.
    folds, seed
        How many; of the division and of the predictors.
    share
        Of the compositions outside the fold, how many are learnt from: less than 1 for a learning curve.
    progress
        Called with folds done and folds in all; may raise to stop.
    threads
        Threads that grow the trees.

    Returns
    -------
    dict
        Plain data. ``figures``: shares of the structures whose Bravais lattice is among the likeliest 1, 2, 3; whose
        space group is first, among three, within the true Bravais lattice; whose space group is among the likeliest
        1, 2, 5, and among those of the default, two Bravais lattices with three space groups each; ``most_frequent_*``,
        what naming the most frequent ones would give; ``possible_*``, what whoever knew all polymorphs could reach, as
        one composition gets one answer; mean absolute errors of a, b, c (as shares) and of the free
        angles (degrees), the true Bravais lattice given. ``within``: the space group within each Bravais lattice, with
        how many structures it is of. Predictions of a space group that was not learnt count as wrong.

    Raises
    ------
    UnfitStructures, NoSpaceGroup, UnparsableFormula, UnknownElement
    """
    config = config or LatticeConfig()
    if not 0 < share <= 1:
        raise UnfitStructures(f"share is above 0 and at most 1, not {share!r}")
    numbers, cells = np.asarray(space_groups), np.asarray(lattices, dtype=np.float64)
    true = bravais_lattices(numbers)
    fold = folds_by_formula(formulas, folds, seed)
    order = folds_by_formula(
        formulas, len(set(reduced_formulas(list(formulas)))), seed + 1
    )  # one place per composition
    groups = np.unique(numbers)
    probability, predicted = np.zeros((len(numbers), len(groups))), np.full((len(numbers), 6), np.nan)
    for number in range(folds):
        inside, outside = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        outside = outside[order[outside] <= np.quantile(order[outside], share)]
        predictor = fit(
            [formulas[i] for i in outside.tolist()],
            numbers[outside],
            cells[outside],
            config,
            seed=seed,
            threads=threads,
        )
        asked = [formulas[i] for i in inside.tolist()]
        probability[inside] = predictor.space_group_probability(asked, groups)
        predicted[inside] = predictor.lattices_given(asked, [BRAVAIS_LATTICES[true[i]] for i in inside])
        if progress is not None:
            progress(number + 1, folds)
    figures, within = _of_groups(probability, groups, numbers, true)
    figures["possible_bravais_top_1"] = _possible(order, true)
    figures["possible_space_group_top_1"] = _possible(order, numbers)
    figures |= _of_cells(predicted, cells, true, config.dimension)
    return {
        "structures": len(numbers),
        "compositions": int(order.max()) + 1,
        "space_groups": len(groups),
        "folds": folds,
        "share": share,
        "figures": figures,
        "within": within,
    }


def _of_groups(
    probability: NDArray[np.float64], groups: NDArray[np.int64], numbers: NDArray[Any], true: NDArray[np.int64]
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    lattice_of = bravais_lattices(groups)
    of_lattices = probability @ np.eye(len(BRAVAIS_LATTICES))[lattice_of]
    right = np.searchsorted(groups, numbers)
    figures: dict[str, float] = {}
    place_of_lattice = _place(of_lattices, true)
    place = _place(probability, right)
    given = np.where(lattice_of[None, :] == true[:, None], probability, 0.0)
    place_within = _place(given, right)
    for top in _TOPS_BRAVAIS:
        figures[f"bravais_top_{top}"] = float((place_of_lattice < top).mean())
    for top in _TOPS_WITHIN:
        figures[f"space_group_within_true_bravais_top_{top}"] = float((place_within < top).mean())
    for top in _TOPS_GROUP:
        figures[f"space_group_top_{top}"] = float((place < top).mean())
    learnt = probability[np.arange(len(right)), right] > 0
    figures["space_group_two_by_three"] = float(((place_of_lattice < 2) & (place_within < 3) & learnt).mean())
    figures["most_frequent_bravais"] = float(np.bincount(true).max() / len(true))
    figures["most_frequent_space_group"] = float(np.bincount(right).max() / len(right))
    within = {
        BRAVAIS_LATTICES[lattice]: {
            "structures": int((true == lattice).sum()),
            "top_1": float((place_within[true == lattice] < 1).mean()),
        }
        for lattice in np.unique(true).tolist()
    }
    return figures, within


def _possible(composition: NDArray[np.int64], answer: NDArray[Any]) -> float:
    """Share of the structures that have the most frequent answer of their composition."""
    pairs, counts = np.unique(np.column_stack([composition, answer]), axis=0, return_counts=True)
    most = np.zeros(int(composition.max()) + 1, dtype=np.int64)
    np.maximum.at(most, pairs[:, 0], counts)
    return float(most.sum() / len(answer))


def _place(scores: NDArray[np.float64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place (n,), from 0, of the right column by falling scores; what scores 0 comes last."""
    own = scores[np.arange(len(right)), right]
    ahead = (scores > own[:, None]).sum(axis=1)
    ties = (scores == own[:, None]) & (np.arange(scores.shape[1])[None, :] < right[:, None])
    return np.asarray(np.where(own > 0, ahead + ties.sum(axis=1), scores.shape[1]), dtype=np.int64)


def _of_cells(
    predicted: NDArray[np.float64], cells: NDArray[np.float64], true: NDArray[np.int64], dimension: int
) -> dict[str, float]:
    known = np.isfinite(predicted).all(axis=1)
    figures: dict[str, float] = {"cell_predicted": float(known.mean())}
    names = ("a", "b", "c") if dimension == 3 else ("a", "b", "thickness")
    for column, name in enumerate(names):
        thick = known & (cells[:, column] > 1)  # the thickness of a flat layer is 0 Å, no error is a share of that
        if thick.any():
            error = np.abs(predicted[thick, column] / cells[thick, column] - 1)
            figures[f"{name}_mean_error"], figures[f"{name}_median_error"] = (
                float(error.mean()),
                float(np.median(error)),
            )
    free: NDArray[np.bool_] = np.zeros((len(cells), 6), dtype=bool)
    for place, name in enumerate(BRAVAIS_LATTICES):
        columns = free_angles(name, dimension=dimension)
        free[np.ix_(true == place, np.array(columns, dtype=np.int64))] = True
    free[~known] = False
    if free.any():
        figures["free_angles_mean_error"] = float(np.abs(predicted[free] - cells[free]).mean())
    return figures
