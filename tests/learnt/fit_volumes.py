"""Learn the volumes of atoms in crystals, and measure how far they tell those of formulas that were left out.

From the bundled handbook and the bulk crystals of the Materials Project at hand. Eight folds by formula; sizes from
relatives leave out all crystals of a formula besides.

    python tests/learnt/fit_volumes.py [--write]
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from exfolio.models.structure.pettifor import position
from exfolio.models.structure.sizes.relatives import suggested_excess
from exfolio.models.structure.sizes.roles import roles_of
from exfolio.models.structure.sizes.volumes import LEARNT, N_TERMS, volume_terms
from exfolio.models.structure.substitution.element_mapping import substitution_costs
from numpy.typing import NDArray
from pymatgen.core import Composition

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "accuracy"))
import handbook_structures
import recovery

NOISE, ELEMENT_SPREAD, PROTOTYPE_SPREAD = 0.06, 0.12, 0.12
START = (1.5, 0, 1, 2.8, 0, 2.0, 0.5, 0)
FOLDS = 8


@dataclass
class Crystals:
    """Volumes per atom with formulas and prototypes; entries of atoms by crystal."""

    formulas: list[str]
    sources: list[str]
    prototypes: list[str]
    slots: list[tuple[str, ...]]
    logs: NDArray[np.float64]


def crystals() -> Crystals:
    """Read the crystals."""
    library, structures, _ = handbook_structures.load()
    bulk = recovery.load("bulk")
    rows = [
        (one.formula, source, f"{source} {one.membership.prototype}", one.membership.slots, np.log(s.volume / len(s)))
        for source, templates, own in (("handbook", library, structures), ("mp", bulk.library, bulk.structures))
        for one in templates.templates
        for s in [own[one.template_id]]
    ]
    formulas, sources, prototypes, slots, logs = zip(*rows, strict=True)
    return Crystals(list(formulas), list(sources), list(prototypes), list(slots), np.array(logs))


class Model:
    """Log-linear volumes of atoms, with a term for each prototype, by Gauss-Newton with robust weights."""

    def __init__(self, data: Crystals) -> None:
        self.data, self.n = data, len(data.formulas)
        self.prototypes = np.unique(data.prototypes, return_inverse=True)[1]
        entries = []
        self.keys: dict[tuple[str, str], int] = {}
        for crystal, formula in enumerate(data.formulas):
            composition = Composition(formula)
            for element, role in roles_of(formula).items():
                key = self.keys.setdefault((role.kind, element), len(self.keys))
                fraction = composition[element] / composition.num_atoms
                entries.append((crystal, key, fraction, volume_terms(element, role)))
        self.crystal, self.key, self.fraction, self.terms = (np.array(part) for part in zip(*entries, strict=True))

    def volumes(self, parameters: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(entries,) volumes of the atoms and (n,) of all."""
        k = len(self.keys)
        logs = self.terms @ parameters[k : k + N_TERMS] + parameters[self.key]
        volumes = self.fraction * np.exp(np.clip(logs, -3, 7))
        return volumes, np.bincount(self.crystal, volumes, minlength=self.n)

    def fit(self, use: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Parameters: of elements in roles, of the terms, of prototypes."""
        k, p = len(self.keys), int(self.prototypes.max()) + 1
        ridge = np.concatenate(
            [np.full(k, 1 / ELEMENT_SPREAD), np.full(N_TERMS, 1e-2), np.full(p, 1 / PROTOTYPE_SPREAD)]
        )
        ridge = (NOISE * ridge) ** 2
        parameters = np.zeros(len(ridge))
        parameters[k : k + N_TERMS] = START
        for _ in range(15):
            volumes, totals = self.volumes(parameters)
            share = volumes / totals[self.crystal]
            slope = np.zeros((self.n, len(ridge)))
            np.add.at(slope, (self.crystal, self.key), share)
            by_terms = np.zeros((self.n, N_TERMS))
            np.add.at(by_terms, self.crystal, share[:, None] * self.terms)
            slope[:, k : k + N_TERMS] = by_terms
            slope[np.arange(self.n), k + N_TERMS + self.prototypes] = 1
            error = np.log(totals) + parameters[k + N_TERMS + self.prototypes] - self.data.logs
            weight = use / (1 + (error / (2 * NOISE)) ** 2)
            curvature = slope.T @ (weight[:, None] * slope) + np.diag(ridge)
            step = np.linalg.solve(curvature, -(slope.T @ (weight * error) + ridge * parameters))
            parameters += step * min(1, 2 / np.abs(step).max())
            if np.abs(step).max() < 1e-3:
                break
        return parameters

    def expected(self, parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) logarithms of the expected volumes."""
        return np.log(self.volumes(parameters)[1])

    def learnt(self) -> dict[str, object]:
        """What the package takes along, learnt from all."""
        parameters = self.fit(np.ones(self.n, dtype=bool))
        offsets: dict[str, dict[str, float]] = {"metal": {}, "anion": {}, "cation": {}}
        for (kind, element), number in sorted(self.keys.items()):
            offsets[kind][element] = round(float(parameters[number]), 4)
        k = len(self.keys)
        return {"coefficients": parameters[k : k + N_TERMS].round(5).tolist(), "offsets": offsets}


def from_relatives(data: Crystals, expected: NDArray[np.float64]) -> dict[int, float]:
    """Logarithm of the volume by crystal, from those of other formulas with its prototype."""
    costs, groups = substitution_costs(), defaultdict(list)
    for crystal, prototype in enumerate(data.prototypes):
        groups[prototype].append(crystal)
    found: dict[int, float] = {}
    for members in groups.values():
        for target in members:
            others = [one for one in members if data.formulas[one] != data.formulas[target]]
            if not others:
                continue
            places = np.array([[position(element) for element in data.slots[one]] for one in others]).T
            own = np.array([position(element) for element in data.slots[target]])[:, None]
            among = costs[places[:, :, None], places[:, None, :]]
            excess = suggested_excess((data.logs - expected)[others], costs[own, places], among, of_volumes=True)
            found[target] = float(expected[target]) + excess
    return found


def main() -> None:
    """Measure, and write when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"write {LEARNT.name}")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    data = crystals()
    model = Model(data)
    names = sorted(set(data.formulas))
    fold_of = dict(zip(names, np.random.default_rng(0).integers(0, FOLDS, len(names)), strict=True))
    folds = np.array([fold_of[formula] for formula in data.formulas])
    expected = np.zeros(model.n)
    for fold in range(FOLDS):
        expected[folds == fold] = model.expected(model.fit(folds != fold))[folds == fold]
    related = from_relatives(data, expected)
    for source in ("handbook", "mp"):
        own = np.array([one == source for one in data.sources])
        error = (data.logs - expected)[own]
        print(f"{source}: composition alone, {own.sum()} crystals: {_quantiles(error)}")
        error = np.array([data.logs[one] - value for one, value in related.items() if own[one]])
        print(f"{source}: with relatives, {len(error)} crystals: {_quantiles(error)}")
    if options.write:
        LEARNT.write_text(json.dumps(model.learnt(), indent=1) + "\n", encoding="utf-8")


def _quantiles(error: NDArray[np.float64]) -> str:
    off = np.abs(np.expm1(error))
    return "median {:.1%}, 90 % within {:.1%}, 99 % {:.0%}".format(*np.quantile(off, (0.5, 0.9, 0.99)))


if __name__ == "__main__":
    main()
