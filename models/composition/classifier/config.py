"""The settings of the classifiers of compositions, and what they may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

Kind = Literal["forest", "boosted"]


class BadClassifierConfig(ValueError):
    """Settings that are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierConfig:
    """How the classifier is made.

    Attributes
    ----------
    kind
        "forest": the published one, a random forest on the 132 Magpie features. "boosted": boosted trees on these, on
        `stoichiometry` and on what is known of `relatives`.
    forest_trees, forest_max_depth
        250 and 20 as published (Song et al., ACS Appl. Mater. Interfaces 13, 53303 (2021)); a depth of None: no limit.
    forest_features
        Features looked at in each split: "sqrt", "log2", or a share of all of them.
    boosted_members
        Boostings, from different seeds, whose log-odds are averaged.
    boosted_rounds, boosted_rate, boosted_leaves, boosted_min_leaf, boosted_features, boosted_l2
        Trees of each, learning rate, leaves of each tree, samples that a leaf holds at least, share of the features
        looked at in each split, L2 regularisation.
    inner_folds
        Folds of the training set by which relatives are left out while a boosting learns from them.
    """

    kind: Kind = "boosted"
    forest_trees: int = 250
    forest_max_depth: int | None = 20
    forest_features: Literal["sqrt", "log2"] | float = "sqrt"
    boosted_members: int = 1
    boosted_rounds: int = 300
    boosted_rate: float = 0.1
    boosted_leaves: int = 15
    boosted_min_leaf: int = 20
    boosted_features: float = 0.4
    boosted_l2: float = 1.0
    inner_folds: int = 20

    def __post_init__(self) -> None:
        """Refuse settings that would fail, or mean nothing, later on."""
        if self.kind not in get_args(Kind):
            raise BadClassifierConfig(f"kind is one of {', '.join(get_args(Kind))}, not {self.kind!r}")
        smallest = {"forest_trees": 1, "boosted_members": 1, "boosted_rounds": 1, "boosted_leaves": 2}
        smallest |= {"boosted_min_leaf": 1, "inner_folds": 2}
        if self.forest_max_depth is not None:
            smallest["forest_max_depth"] = 1
        for name, least in smallest.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise BadClassifierConfig(f"{name} is a whole number of at least {least}, not {value!r}")
        shares: dict[str, object] = {"boosted_features": self.boosted_features, "boosted_rate": self.boosted_rate}
        if self.forest_features not in ("sqrt", "log2"):
            shares["forest_features"] = self.forest_features
        for name, share in shares.items():
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
                raise BadClassifierConfig(f"{name} is above 0 and at most 1, not {share!r}")
        if not isinstance(self.boosted_l2, int | float) or not self.boosted_l2 >= 0:
            raise BadClassifierConfig(f"boosted_l2 is not negative, but {self.boosted_l2!r}")

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> ClassifierConfig:
        """Read settings.

        Raises
        ------
        BadClassifierConfig
            For one that there is none of, or a value that it can't have.
        """
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(settings) - set(known))
        if unknown:
            raise BadClassifierConfig(f"no such setting: {', '.join(unknown)}; there are {', '.join(known)}")
        return cls(**settings)
