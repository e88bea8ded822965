"""The settings of the classifiers of compositions, and what they may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ...learning.config import BadConfig, ModelConfig

Kind = Literal["forest", "boosted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierConfig(ModelConfig):
    """How the classifier is made.

    Attributes
    ----------
    kind
        "forest": the published one, a random forest on the 132 Magpie features. "boosted": boosted trees on these, on
        `stoichiometry` and on what `similar_compositions` tells of known ones.
    forest_trees, forest_max_depth
        250 and 20 as published (Song et al., ACS Appl. Mater. Interfaces 13, 53303 (2021)); a depth of None: no limit.
    forest_features
        Features looked at in each split: "sqrt", "log2", or a share of all of them.
    boosted_members
        Boostings, from different seeds, whose log-odds are averaged.
    boosted_rounds, boosted_rate, boosted_leaves, boosted_min_leaf, boosted_features, boosted_l2
        Trees of each, learning rate, leaves of each tree, samples that a leaf holds at least, share of the features
        looked at in each split, L2 regularisation.
    boosted_columns
        Features that a boosting learns from: those that most part the classes in a few trees grown on a share of the
        training set. The rest tells next to nothing and takes most of the time.
    inner_folds
        Folds of the training set by which relatives are left out while a boosting learns from them.
    """

    kind: Kind = "boosted"
    forest_trees: int = 250
    forest_max_depth: int | None = 20
    forest_features: Literal["sqrt", "log2"] | float = "sqrt"
    boosted_members: int = 1
    boosted_rounds: int = 200
    boosted_rate: float = 0.15
    boosted_leaves: int = 15
    boosted_min_leaf: int = 20
    boosted_features: float = 0.4
    boosted_l2: float = 1.0
    boosted_columns: int = 112
    inner_folds: int = 20

    def __post_init__(self) -> None:
        """Refuse settings that would fail, or mean nothing, later on."""
        if self.kind not in get_args(Kind):
            raise BadConfig(f"kind is one of {', '.join(get_args(Kind))}, not {self.kind!r}")
        self.require_whole(1, "forest_trees", "boosted_members", "boosted_rounds", "boosted_min_leaf")
        self.require_whole(1, "boosted_columns")
        self.require_whole(2, "boosted_leaves", "inner_folds")
        if self.forest_max_depth is not None:
            self.require_whole(1, "forest_max_depth")
        self.require_shares("boosted_features", "boosted_rate")
        if self.forest_features not in ("sqrt", "log2"):
            self.require_shares("forest_features")
        if not isinstance(self.boosted_l2, int | float) or not self.boosted_l2 >= 0:
            raise BadConfig(f"boosted_l2 is not negative, but {self.boosted_l2!r}")
