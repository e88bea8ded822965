"""Learn the lengths that layers go by, and measure how far they tell those of formulas that were left out.

From the layers of 2DMatPedia at hand and the layered crystals of the handbook. Eight folds by formula; sizes from
relatives leave out all crystals of a formula besides.

    python tests/learnt/fit_lengths.py [--write]
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from exfolio.models.structure.pettifor import position
from exfolio.models.structure.sizes.lengths import LEARNT, WEIGHTS, length_terms
from exfolio.models.structure.sizes.relatives import suggested_excess
from exfolio.models.structure.sizes.roles import roles_of
from exfolio.models.structure.substitution.element_mapping import substitution_costs
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "accuracy"))
import handbook_structures
import recovery

NOISE, ELEMENT_SPREAD, PROTOTYPE_SPREAD = 0.03, 0.05, 0.5
FOLDS = 8
LAYERS = 2

Array = NDArray[np.float64]


@dataclass
class Layer:
    """A layer: where from, its prototype there, formula, elements by slot, logarithm of its length."""

    source: str
    prototype: str
    formula: str
    slots: tuple[str, ...]
    log: float


def layers() -> list[Layer]:
    """Read the layers."""
    found = [("2DMatPedia", one) for one in recovery.load("2d").library.templates]
    library, _, _ = handbook_structures.load()
    found += [("handbook", one) for one in library.templates if one.size.dimension == LAYERS]
    return [
        Layer(source, f"{source} {kind.prototype}", one.formula, kind.slots, float(np.log(one.size.length)))
        for source, one in found
        for kind in [one.membership]
        if length_terms(one.formula) is not None
    ]


class Model:
    """Linear regression of what `WEIGHTS` leave of the logarithms: terms of elements and prototypes, robust weights."""

    def __init__(self, data: list[Layer]) -> None:
        self.terms = np.array([length_terms(one.formula) for one in data])
        self.keys: dict[tuple[str, str], int] = {}
        entries = []
        for number, one in enumerate(data):
            roles = roles_of(one.formula)
            for element, role in roles.items():
                entries.append((number, self.keys.setdefault((role.kind, element), len(self.keys)), 1 / len(roles)))
        self.elements = np.zeros((len(data), len(self.keys)))
        for number, key, share in entries:
            self.elements[number, key] += share
        number_of = np.unique([one.prototype for one in data], return_inverse=True)[1]
        self.design = np.column_stack([self.elements, np.eye(number_of.max() + 1)[number_of]])
        self.left = np.array([one.log for one in data]) - self.terms @ WEIGHTS
        spread = [ELEMENT_SPREAD] * len(self.keys) + [PROTOTYPE_SPREAD] * (number_of.max() + 1)
        self.ridge = np.diag((NOISE / np.array(spread)) ** 2)

    def fit(self, use: NDArray[np.bool_]) -> Array:
        """Terms of elements in roles."""
        design, target = self.design[use], self.left[use]
        weight = np.ones(len(target))
        for _ in range(10):
            found = np.linalg.solve(design.T @ (weight[:, None] * design) + self.ridge, design.T @ (weight * target))
            weight = 1 / (1 + ((design @ found - target) / (2 * NOISE)) ** 2)
        return found[: len(self.keys)]

    def expected(self, use: NDArray[np.bool_]) -> Array:
        """Logarithms of all lengths but for those of prototypes, learnt from some."""
        return self.terms @ WEIGHTS + self.elements @ self.fit(use)

    def learnt(self) -> dict[str, dict[str, float]]:
        """What the package takes along, learnt from all."""
        found = self.fit(np.ones(len(self.left), dtype=bool))
        offsets: dict[str, dict[str, float]] = {"metal": {}, "anion": {}, "cation": {}}
        for (kind, element), number in sorted(self.keys.items()):
            offsets[kind][element] = round(float(found[number]), 4)
        return offsets


def errors(data: list[Layer], source: str, expected: Callable[[int], Array]) -> tuple[list[float], list[float]]:
    """Errors of logarithms, each layer from one relative, and from all; `expected` is as one may know it for each."""
    costs, groups = substitution_costs(), defaultdict(list)
    for number, one in enumerate(data):
        if one.source == source:
            groups[one.prototype].append(number)
    logs = np.array([one.log for one in data])
    by_one: list[float] = []
    by_all: list[float] = []
    for members in groups.values():
        for target in members:
            others = [other for other in members if data[other].formula != data[target].formula]
            if not others:
                continue
            values = expected(target)
            excess = logs[others] - values[others]
            by_one += (values[target] + excess - logs[target]).tolist()
            places = np.array([[position(element) for element in data[other].slots] for other in others]).T
            own = np.array([position(element) for element in data[target].slots])[:, None]
            among = costs[places[:, :, None], places[:, None, :]]
            suggested = suggested_excess(3 * excess, costs[own, places], among, of_volumes=False) / 3
            by_all.append(float(values[target] + suggested - logs[target]))
    return by_one, by_all


def main() -> None:
    """Measure, and write when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"write {LEARNT.name}")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    data = layers()
    model = Model(data)
    names = sorted({one.formula for one in data})
    fold_of = dict(zip(names, np.random.default_rng(0).integers(0, FOLDS, len(names)), strict=True))
    by_fold = [model.expected(np.array([fold_of[one.formula] != k for one in data])) for k in range(FOLDS)]
    ways: dict[str, Callable[[int], Array]] = {
        "covalent radii": lambda _: model.terms[:, 0],
        "volume": lambda _: model.terms[:, 1],
        "radii of ions": lambda _: model.terms[:, 2],
        "mean of covalent radii and volume": lambda _: model.terms[:, :2].mean(axis=1),
        "all three by their weights": lambda _: model.terms @ WEIGHTS,
        "learnt": lambda target: by_fold[fold_of[data[target].formula]],
    }
    for source in ("2DMatPedia", "handbook"):
        for way, expected in ways.items():
            told = [f"{len(e)} {_quantiles(e)}" for e in errors(data, source, expected)]
            print(f"{source}, {way}: from one relative {told[0]}; from all {told[1]}")
    if options.write:
        LEARNT.write_text(json.dumps(model.learnt(), indent=1) + "\n", encoding="utf-8")


def _quantiles(error: list[float]) -> str:
    off = np.abs(np.expm1(error))
    return "median {:.1%}, 90 % within {:.1%}".format(*np.quantile(off, (0.5, 0.9)))


if __name__ == "__main__":
    main()
