"""Bravais lattice, space group within it and cell of a composition, with probabilities, from compositions alone.

In the manner of CRYSPNet (Liang et al., Phys. Rev. Mater. 4, 123802 (2020)), with a forest in place of neural
networks. Learns from formulas, space groups and cells; knows no database; how well it does: `lattice_report`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from ...composition import magpie, stoichiometry
from ...composition.formula.parsing import parse
from ...composition.formula.single_formula import UnparsableFormula
from ...learning import weights
from ...learning.config import BadConfig, ModelConfig
from ...learning.tree_ensemble import BadTrees
from .bravais import BRAVAIS_LATTICES, NoSpaceGroup, bravais_lattices, constrained
from .proximity_forest import ProximityForest

WEIGHTS_KIND: Final = "space-groups"

_BLOCK: Final = 1 << 12
_RADIUS: Final = "MagpieData mean CovalentRadius"


class UnfitStructures(ValueError):
    """Structures that nothing can be learnt from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatticeConfig(ModelConfig):
    """How a predictor is made.

    Attributes
    ----------
    dimension
        3 for crystals, 2 for layers; see `bravais.constrained` for what a cell is then.
    trees, min_leaf, max_features
        Of the forest: trees, structures that a leaf holds at least, share of the features looked at in each split or
        "sqrt".
    """

    dimension: int = 3
    trees: int = 100
    min_leaf: int = 1
    max_features: Literal["sqrt"] | float = 0.3

    def __post_init__(self) -> None:
        """Refuse settings that would fail, or mean nothing, later on."""
        if self.dimension not in (2, 3):
            raise BadConfig(f"dimension is 2 or 3, not {self.dimension!r}")
        self.require_whole(1, "trees", "min_leaf")
        if self.max_features != "sqrt":
            self.require_shares("max_features")


@dataclass(frozen=True, slots=True)
class Guess:
    """A space group that a composition may crystallise in.

    Attributes
    ----------
    bravais
        Pearson's symbol, e.g. "cF".
    space_group
        Its number.
    probability
        Of the space group: that of its Bravais lattice times its own within that.
    lattice
        a, b, c in Å, alpha, beta, gamma in degrees, of the conventional cell; of a layer its periods, its thickness,
        90°, 90° and the angle of the periods.
    """

    bravais: str
    space_group: int
    probability: float
    lattice: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class LatticePredictor:
    """A fitted predictor.

    Attributes
    ----------
    config
        How it was made.
    forest
        Says which of the structures learnt from a composition is like.
    space_groups, lattices, radii
        Of these structures: numbers (n,), cells (n, 6), mean covalent radii in pm (n,).
    """

    config: LatticeConfig
    forest: ProximityForest
    space_groups: NDArray[np.int64]
    lattices: NDArray[np.float64]
    radii: NDArray[np.float64]

    @cached_property
    def known_groups(self) -> NDArray[np.int64]:
        """The space groups it has seen, in ascending order; all others have probability 0."""
        return np.unique(self.space_groups)

    def space_group_probability(self, formulas: Sequence[str], numbers: ArrayLike | None = None) -> NDArray[np.float64]:
        """Probabilities of space groups.

        Parameters
        ----------
        formulas
            n compositions.
        numbers
            m space groups; `known_groups` if None.

        Returns
        -------
        ndarray, shape (n, m)

        Raises
        ------
        UnparsableFormula, UnknownElement
            For the first bad formula.
        NoSpaceGroup
            For a number that is none.
        """
        asked = self.known_groups if numbers is None else np.asarray(numbers)
        bravais_lattices(asked)
        probability = np.concatenate(
            [np.zeros((0, len(self.known_groups))), *(near @ self._one_hot for near, _ in self._near(formulas))]
        )
        place = np.searchsorted(self.known_groups, asked).clip(max=len(self.known_groups) - 1)
        # Sums of shares that make up one may be above it by rounding.
        return np.where(self.known_groups[place] == asked, np.minimum(probability[:, place], 1.0), 0.0)

    def predict(self, formulas: Sequence[str], *, bravais: int = 2, within: int = 3) -> list[list[Guess]]:
        """Predict space groups with cells, likeliest first.

        Parameters
        ----------
        formulas
            Compositions.
        bravais, within
            How many Bravais lattices, and how many space groups in each; CRYSPNet's 2 and 3 if not said. Fewer come
            where fewer have a probability above 0.

        Raises
        ------
        UnparsableFormula, UnknownElement
            For the first bad formula.
        ValueError
            When less than one is asked for.
        """
        if bravais < 1 or within < 1:
            raise ValueError(f"at least one of each must be asked for, got {bravais=}, {within=}")
        return [
            self._guesses(near[[row]], float(radius), bravais, within)
            for near, radii in self._near(formulas)
            for row, radius in enumerate(radii)
        ]

    def lattices_given(self, formulas: Sequence[str], lattices: Sequence[str]) -> NDArray[np.float64]:
        """Predict the cell of each composition when its Bravais lattice is known, shape (n, 6).

        NaN where no structure of that Bravais lattice was learnt from.
        """
        of_known = bravais_lattices(self.space_groups)
        cells = np.full((len(formulas), 6), np.nan)
        row = 0
        for near, radii in self._near(formulas):
            for place, radius in enumerate(radii):
                members = of_known == BRAVAIS_LATTICES.index(lattices[row])
                if members.any():
                    cells[row] = self._cell(near[[place]].toarray()[0], members, float(radius), lattices[row])
                row += 1
        return cells

    def _guesses(self, near: csr_array, radius: float, bravais: int, within: int) -> list[Guess]:
        probability = np.minimum((near @ self._one_hot)[0], 1.0)
        of_lattices = probability @ self._bravais_of_groups
        likeliest = set(np.argsort(-of_lattices, kind="stable")[:bravais].tolist())
        weight = near.toarray()[0]
        guesses: list[Guess] = []
        taken = dict.fromkeys(likeliest, 0)
        lattices = bravais_lattices(self.known_groups)
        for place in np.argsort(-probability, kind="stable").tolist():
            lattice, number = int(lattices[place]), int(self.known_groups[place])
            if probability[place] <= 0 or lattice not in likeliest or taken[lattice] == within:
                continue
            taken[lattice] += 1
            name = BRAVAIS_LATTICES[lattice]
            cell = self._cell(weight, self.space_groups == number, radius, name)
            guesses.append(Guess(name, number, float(probability[place]), cell))
        return guesses

    def _cell(
        self, weight: NDArray[np.float64], members: NDArray[np.bool_], radius: float, name: str
    ) -> tuple[float, ...]:
        """Take the median, by weight, of the cells of some structures, their lengths scaled by the radii of atoms."""
        cells = self.lattices[members].copy()
        cells[:, :3] *= (radius / self.radii[members])[:, None]
        own = weight[members]
        own = own if own.sum() > 0 else np.ones(len(cells))
        order = np.argsort(cells, axis=0, kind="stable")
        below = np.cumsum(own[order], axis=0)
        middle = (below >= below[-1] / 2).argmax(axis=0)
        median = cells[order[middle, np.arange(6)], np.arange(6)]
        return constrained(name, median, dimension=self.config.dimension)

    def _near(self, formulas: Sequence[str]) -> list[tuple[csr_array, NDArray[np.float64]]]:
        """Weights of the structures learnt from, and mean radii of the compositions in Å, by blocks."""
        blocks = [formulas[start : start + _BLOCK] for start in range(0, len(formulas), _BLOCK)]
        described = (_described(block) for block in blocks)
        return [(self.forest.weights(features), radii) for features, radii in described]

    @cached_property
    def _one_hot(self) -> NDArray[np.float64]:
        return np.asarray(self.space_groups[:, None] == self.known_groups, dtype=np.float64)

    @cached_property
    def _bravais_of_groups(self) -> NDArray[np.float64]:
        return np.eye(len(BRAVAIS_LATTICES))[bravais_lattices(self.known_groups)]

    def pack(self) -> bytes:
        """Pack the predictor; the bytes hold arrays and plain data, no code. `unpack` gives it back bit by bit."""
        arrays = {"space_groups": self.space_groups, "lattices": self.lattices, "radii": self.radii}
        tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
        return weights.pack(WEIGHTS_KIND, self.config.to_dict(), {**tensors, "forest": self.forest.state()})


def unpack(data: bytes) -> LatticePredictor:
    """Read a packed predictor.

    Raises
    ------
    exfolio.models.learning.weights.DamagedWeights, WrongModel
        The bytes are no weights, not all of them, or those of another model.
    """
    settings, state = weights.unpack(data, WEIGHTS_KIND)
    try:
        config = LatticeConfig.from_dict(settings)
        forest = ProximityForest.from_state(state["forest"])
        arrays = [state[name].numpy() for name in ("space_groups", "lattices", "radii")]
        _check(*arrays)
        if len(arrays[0]) != forest.leaves.shape[1]:
            raise BadTrees(f"a forest of {forest.leaves.shape[1]} samples does not fit {len(arrays[0])} structures")
        if forest.trees.n_features != len(feature_labels()):
            raise BadTrees(f"the trees take {forest.trees.n_features} features, of {len(feature_labels())} there are")
    except (BadConfig, BadTrees, UnfitStructures, NoSpaceGroup, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise weights.DamagedWeights(
            f"these weights are not those of a lattice predictor ({reason}); train it again"
        ) from None
    return LatticePredictor(config, forest, *arrays)


def fit(
    formulas: Sequence[str],
    space_groups: ArrayLike,
    lattices: ArrayLike,
    config: LatticeConfig | None = None,
    seed: int = 0,
    *,
    threads: int = 1,
) -> LatticePredictor:
    """Fit a predictor.

    Parameters
    ----------
    formulas
        Compositions of n known structures; polymorphs are given each.
    space_groups
        Their numbers, shape (n,).
    lattices
        Their conventional cells, shape (n, 6): a, b, c in Å, alpha, beta, gamma in degrees; of layers as in
        `structure_cells.conventional`.
    config
        How; `LatticeConfig()` if None.
    seed
        Of the random choices; the same seed gives the same predictor.
    threads
        Threads that grow the trees.

    Raises
    ------
    UnfitStructures
        For none, arrays that do not fit together, or cells without volume.
    NoSpaceGroup
        For a number that no space group has.
    UnparsableFormula, UnknownElement
        For the first bad formula.
    """
    config = config or LatticeConfig()
    numbers, cells = np.asarray(space_groups), np.asarray(lattices, dtype=np.float64)
    if not len(formulas) == len(numbers) == len(cells):
        raise UnfitStructures(f"{len(formulas)} formulas, {len(numbers)} space groups and {len(cells)} cells")
    features, radii = _described(formulas)
    _check(numbers, cells, radii)
    numbers = numbers.astype(np.int64)
    forest = ProximityForest.fit(
        features,
        numbers,
        trees=config.trees,
        min_leaf=config.min_leaf,
        max_features=config.max_features,
        seed=seed,
        threads=threads,
    )
    return LatticePredictor(config, forest, numbers, cells, radii)


def feature_labels() -> list[str]:
    """Name the features it learns from."""
    return [*magpie.feature_labels(), *stoichiometry.feature_labels()]


def _check(numbers: NDArray[Any], cells: NDArray[Any], radii: NDArray[Any]) -> None:
    if not len(numbers):
        raise UnfitStructures("no structures to learn from")
    if numbers.shape != (len(numbers),) or cells.shape != (len(numbers), 6) or radii.shape != numbers.shape:
        raise UnfitStructures(
            f"space groups {numbers.shape}, cells {cells.shape} and radii {radii.shape} do not fit together"
        )
    bravais_lattices(numbers)
    bad = np.flatnonzero(~(np.isfinite(cells).all(axis=1) & (cells[:, :2] > 0).all(axis=1) & (cells[:, 2] >= 0)))
    if len(bad):
        raise UnfitStructures(f"cell {bad[0]} is none: {cells[bad[0]].tolist()}, one of {len(bad)} such")


def _described(formulas: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Compute the features and the mean covalent radii, pm."""
    parsed = parse(list(formulas))
    empty = np.flatnonzero(parsed.nelements == 0)
    if len(empty):
        raise UnparsableFormula("", f"formula {int(empty[0])} names no atoms, one of {len(empty)} that do not")
    reduced = parsed.reduced()
    table = magpie.featurize(reduced)
    features = np.hstack([table, stoichiometry.featurize(reduced)]).astype(np.float32)
    return features, table[:, magpie.feature_labels().index(_RADIUS)]
