"""Forests that say which known samples a new one is like: weights of the training samples, not a single answer.

Any property of the samples can then be asked for by those weights. Knows features by number only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.ensemble import ExtraTreesClassifier

from ...learning.tree_ensemble import LEAF, BadTrees, TreeEnsemble


@dataclass(frozen=True, eq=False)
class ProximityForest:
    """A fitted forest with the leaves its training samples are in.

    Attributes
    ----------
    trees
        Its trees; a leaf says its own number within its tree.
    leaves
        Shape (trees, training samples): in which leaf each sample is.
    """

    trees: TreeEnsemble
    leaves: NDArray[np.int32]

    def __post_init__(self) -> None:
        """Refuse leaves that are none of the trees'."""
        if self.leaves.ndim != 2 or len(self.leaves) != len(self.trees) or not self.leaves.size:
            raise BadTrees(f"leaves of shape {self.leaves.shape} do not fit {len(self.trees)} trees")
        if self.leaves.min() < 0 or (self.leaves >= self.trees.sizes[:, None]).any():
            raise BadTrees("a sample is in a leaf that its tree does not have")
        starts = np.cumsum(self.trees.sizes) - self.trees.sizes
        if (self.trees.feature[self.leaves + starts[:, None]] != LEAF).any():
            raise BadTrees("a sample is in a node that is no leaf")
        number = np.arange(len(self.trees.feature)) - np.repeat(starts, self.trees.sizes)
        if not np.array_equal(self.trees.value, number):
            raise BadTrees("the leaves of the trees do not say their own numbers")

    @classmethod
    def fit(
        cls,
        features: NDArray[np.float32],
        labels: NDArray[np.int64],
        *,
        trees: int,
        min_leaf: int,
        max_features: Literal["sqrt"] | float,
        seed: int,
        threads: int = 1,
    ) -> ProximityForest:
        """Grow extremely randomised trees that part the labels.

        Parameters
        ----------
        features
            Shape (samples, features).
        labels
            Shape (samples,).
        trees, min_leaf, max_features
            How many, samples that a leaf holds at least, features looked at in each split (share of all, or "sqrt").
        seed, threads
            Of the random choices; threads that share the trees.

        Notes
        -----
        Geurts, Ernst, Wehenkel, Mach. Learn. 63, 3 (2006); weights of samples as of Meinshausen, J. Mach. Learn. Res.
        7, 983 (2006).
        """
        forest = ExtraTreesClassifier(
            trees, min_samples_leaf=min_leaf, max_features=max_features, random_state=seed, n_jobs=threads
        ).fit(features, labels)
        grown = [estimator.tree_ for estimator in forest.estimators_]
        kept = TreeEnsemble.from_trees(grown, [np.arange(tree.node_count, dtype=np.float64) for tree in grown])
        return cls(kept, np.array([tree.apply(features) for tree in grown], dtype=np.int32))

    def weights(self, features: NDArray[np.float32]) -> csr_array:
        """Weights of the training samples for each row of features, shape (n, samples); rows add up to 1."""
        starts = np.cumsum(self.trees.sizes) - self.trees.sizes
        places = np.array([tree.sums(features) for tree in self._single], dtype=np.int64) + starts[:, None]
        rows = np.arange(len(features) + 1) * len(self.trees)
        share = np.full(places.size, 1 / len(self.trees))
        reached = csr_array((share, places.T.ravel(), rows), shape=(len(features), len(self.trees.feature)))
        return csr_array(reached @ self._samples_of_leaves)

    @cached_property
    def _samples_of_leaves(self) -> csr_array:
        starts = np.cumsum(self.trees.sizes) - self.trees.sizes
        nodes = (self.leaves + starts[:, None]).ravel()
        samples = np.tile(np.arange(self.leaves.shape[1]), len(self.trees))
        share = 1 / np.bincount(nodes, minlength=len(self.trees.feature))[nodes]
        return csr_array((share, (nodes, samples)), shape=(len(self.trees.feature), self.leaves.shape[1]))

    @cached_property
    def _single(self) -> list[TreeEnsemble]:
        """Each tree by itself: what it says is the leaf that a sample ends in."""
        ends = np.cumsum(self.trees.sizes)
        arrays = self.trees.arrays()
        single = []
        for number, (end, size) in enumerate(zip(ends.tolist(), self.trees.sizes.tolist(), strict=True)):
            part = {name: array[end - size : end] for name, array in arrays.items() if name != "sizes"}
            part["sizes"] = arrays["sizes"][number : number + 1]
            single.append(TreeEnsemble.from_arrays(self.trees.n_features, part))
        return single

    def state(self) -> dict[str, Any]:
        """Arrays as tensors, for `weights.pack`; `from_state` takes them back."""
        arrays = {**self.trees.arrays(), "leaves": self.leaves}
        tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
        return {"n_features": self.trees.n_features, **tensors}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> ProximityForest:
        """Make the forest of `state` again.

        Raises
        ------
        BadTrees
            The arrays are not those of a forest.
        """
        arrays = {name: value.numpy() for name, value in state.items() if isinstance(value, torch.Tensor)}
        leaves = arrays.pop("leaves", None)
        if leaves is None or leaves.dtype != np.int32:
            raise BadTrees("the forest lacks the leaves of its samples")
        return cls(TreeEnsemble.from_arrays(int(state["n_features"]), arrays), leaves)
