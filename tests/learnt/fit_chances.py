"""Learn what chance a share is worth, and measure how well it says so for formulas that took no part.

All formulas of the bundled handbook, of 2DMatPedia and of the bulk crystals at hand are ranked with their crystals left
out; of the first ten suggestions each is right or not.

    python tests/learnt/fit_chances.py
"""

from __future__ import annotations

import sys
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
from exfolio.models.structure.pettifor import ElementOffScaleError
from exfolio.models.structure.templates.library import TemplateLibrary
from exfolio.models.structure.templates.ranking import PrototypeRanking, Target, related, slots_of
from numpy.typing import NDArray
from scipy.optimize import minimize

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "accuracy"))
import handbook_structures
import recovery

FIRST, MOST = 10, 0.97
EDGES = (0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)
Array = NDArray[np.float64]


def suggestions(library: TemplateLibrary, dimension: int) -> tuple[Array, NDArray[np.bool_], NDArray[np.intp]]:
    """Features (n, 4) of the suggestions, whether each is right, and which half of the formulas it is in."""
    own = defaultdict(list)
    for template in library.templates:
        own[template.formula].append(template.template_id)
    features, right, halves = [], [], []
    for bucket in recovery.buckets(library):
        rows = {prototype.prototype_id: row for row, prototype in enumerate(bucket.prototypes)}
        for number, formula in enumerate(sorted({template.formula for template in bucket.templates})):
            left = library.without(own[formula]).bucket(bucket.amounts, dimension)
            if left is None:
                continue
            try:
                composition = slots_of(formula)
            except ElementOffScaleError:
                continue
            known = PrototypeRanking(Target(*composition, bucket)).known.values()
            ranking = PrototypeRanking(Target(*composition, left))
            for candidate, _ in zip(ranking.candidates(), range(FIRST), strict=False):
                row = rows[left.prototypes[candidate.row].prototype_id]
                share = min(max(candidate.probability, 1e-9), MOST)
                features.append([1, np.log(share), np.log1p(-share), np.log(max(ranking.total, 1e-9))])
                right.append(any(related(bucket, row, candidate.order, one.row, one.order) for one in known))
                halves.append(number % 2)
    return np.array(features), np.array(right), np.array(halves)


def fit(features: Array, right: NDArray[np.bool_]) -> Array:
    """Weights of greatest likelihood."""
    signs = np.where(right, -1.0, 1.0)
    return minimize(lambda weights: np.logaddexp(0, signs * (features @ weights)).mean(), [0, 1, -1, 0.3]).x


def report(name: str, chances: Array, right: NDArray[np.bool_]) -> None:
    """Print what is said and what is so, by bins."""
    bins = np.digitize(chances, EDGES)
    parts, off = [], 0.0
    for number in np.unique(bins):
        inside = bins == number
        said, so = chances[inside].mean(), right[inside].mean()
        parts.append(f"{said:.2f}/{so:.2f} ({inside.sum()})")
        off += abs(said - so) * inside.mean()
    print(f"{name}: said/so {' '.join(parts)}; off by {off:.3f} in the mean")


def main() -> None:
    """Fit and print."""
    warnings.simplefilter("ignore")
    sources = {
        "handbook": (handbook_structures.load()[0], 3),
        "monolayers": (recovery.load("2d").library, 2),
        "bulk": (recovery.load("bulk").library, 3),
    }
    found = {name: suggestions(library, dimension) for name, (library, dimension) in sources.items()}
    for dimension in (2, 3):
        names = [name for name, (_, own) in sources.items() if own == dimension]
        features, right, half = (np.concatenate([found[name][k] for name in names]) for k in range(3))
        print(f"dimension {dimension}: {fit(features, right).round(3).tolist()}")
        weights = fit(features[half == 0], right[half == 0])
        for name in names:
            own_features, own_right, own_half = found[name]
            chances = 1 / (1 + np.exp(-own_features[own_half == 1] @ weights))
            report(f"  {name}, the half that took no part", chances, own_right[own_half == 1])


if __name__ == "__main__":
    main()
