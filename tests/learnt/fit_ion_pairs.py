"""Counts pairs and company of ions in the compounds of critexam.csv, and measures how they tell known from random.

Run as ``python tests/learnt/fit_ion_pairs.py`` with the folder of real data there; ``--write`` makes the
bundled table anew, of all compounds; ``--drawn FILE`` compares with generated compositions, one a line, where otherwise
random ones are taken.

Protocol: compounds at most 0.05 eV/atom above the hull, a fifth of them left out by family (same amounts, elements of
the same groups), the rest counted. Standard errors of areas by Hanley and McNeil, Radiology 143, 29 (1982).
"""

import argparse
import csv
import gzip
import math
import random
from pathlib import Path

import numpy as np
from exfolio.models.composition import ion_familiarity
from exfolio.models.composition.formula.elements import ATOMIC_NUMBERS
from exfolio.models.composition.formula.formulas import parse, reduced_formulas
from exfolio.models.composition.one_hot import ELEMENTS
from exfolio.models.composition.screening import screen
from pymatgen.core import Element
from sklearn.metrics import roc_auc_score

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
TABLE = Path(ion_familiarity.__file__).with_name("ion_pairs.npz")
NEAR_HULL = 0.05
SHOWN = (0.98, 0.95, 0.9, 0.8)
GROUP = {symbol: Element(symbol).group for symbol in ATOMIC_NUMBERS}


def rows(name: str) -> list[dict[str, str]]:
    with gzip.open(DATA / name, "rt") as lines:
        return list(csv.DictReader(lines))


def known() -> list[str]:
    near = [
        row["formula"]
        for row in rows("critexam.csv.gz")
        if row["decomposition_energy_per_atom"] and float(row["decomposition_energy_per_atom"]) <= NEAR_HULL
    ]
    return sorted(set(reduced_formulas(near)))


def family(formula: str) -> str:
    parts = parse([formula]).composition(0)
    return repr(sorted((amount, GROUP[symbol]) for symbol, amount in parts.items()))


def random_ones(n: int) -> list[str]:
    rng = random.Random(3)
    made: set[str] = set()
    while len(made) < n:
        some = [
            "".join(f"{symbol}{rng.randint(1, 4)}" for symbol in rng.sample(ELEMENTS, rng.choice([2, 3, 3, 4])))
            for _ in range(5_000)
        ]
        made |= set(reduced_formulas([one for one, ok in zip(some, screen(some)[1], strict=True) if ok]))
    return sorted(made)[:n]


def told(name: str, right: np.ndarray, wrong: np.ndarray) -> None:
    area = float(roc_auc_score(np.r_[np.ones(len(right)), np.zeros(len(wrong))], np.r_[right, wrong]))
    q1, q2 = area / (2 - area), 2 * area * area / (1 + area)
    spread = area * (1 - area) + (len(right) - 1) * (q1 - area**2) + (len(wrong) - 1) * (q2 - area**2)
    print(f"{name}: area {area:.4f} +- {math.sqrt(spread / (len(right) * len(wrong))):.4f}, n {len(right):,}", end="")
    for share in SHOWN:
        threshold = np.quantile(right, 1 - share)
        print(f"; {share:.0%} kept at {threshold:.2f}, of the others {(wrong >= threshold).mean():.1%}", end="")
    for threshold in (-1.9, -2.2, -2.4):
        print(f"; at {threshold}: {(right >= threshold).mean():.1%} and {(wrong >= threshold).mean():.1%}", end="")
    print()


def scored(formulas: list[str], pairs: ion_familiarity.IonPairs) -> np.ndarray:
    scores = ion_familiarity.familiarity(formulas, pairs)
    return scores[~np.isnan(scores)]


def main() -> None:
    """Measure, and write the table where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--drawn", type=Path)
    options = parser.parse_args()
    formulas = known()
    families = sorted({family(formula) for formula in formulas})
    left_out = set(random.Random(1).sample(families, len(families) // 5))
    test = [formula for formula in formulas if family(formula) in left_out]
    kept = [formula for formula in formulas if family(formula) not in left_out]
    pairs = ion_familiarity.learn(kept)
    print(f"{len(formulas):,} compounds, counted {pairs.compounds:,} of {len(kept):,}, {len(pairs.pairs):,} pairs")
    others = options.drawn.read_text().split() if options.drawn else random_ones(4_000)
    wrong = scored(others, pairs)
    print(f"others: {len(wrong):,} {'drawn' if options.drawn else 'random and balanced'}")
    told("left-out families", scored(test, pairs), wrong)
    counted = set(kept)
    flat = set(reduced_formulas([row["formula"] for row in rows("2dmatpedia_formulas.csv.gz")])) - counted
    told("2DMatPedia, not counted", scored(sorted(flat), pairs), wrong)
    if options.write:
        TABLE.write_bytes(ion_familiarity.learn(formulas).to_bytes())
        print(f"wrote {TABLE.name}, {TABLE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
