"""Nearest compositions by element mover's distance: pairs a second, against all distances by scipy and a plain loop.

Also compares distances with scipy's earth mover's solver on 25,000 random pairs of real compositions.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from exfolio.models.structure.element_movers import PreparedCompositions, distances, nearest
from exfolio.models.structure.pettifor import position
from pymatgen.core import Composition
from report import compare, peak_memory_mb, seconds
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
QUERIES = 1500
NEIGHBOURS = 10
SOLVER_PAIRS = 25_000


def all_distances(queries: PreparedCompositions, library: PreparedCompositions) -> None:
    """The straight way: every distance from dense cumulated fractions, then the ten least of each row."""
    dense = library.cumulative()
    for row in range(0, len(queries), 50):
        block = cdist(queries.cumulative(slice(row, row + 50)), dense, "cityblock")
        np.argpartition(block, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]


def by_solver(a: str, b: str) -> float:
    """Give the distance from scipy's general earth mover's solver in one dimension."""
    first, second = Composition(a).get_el_amt_dict(), Composition(b).get_el_amt_dict()
    return wasserstein_distance(
        [position(e) for e in first], [position(e) for e in second], list(first.values()), list(second.values())
    )


def main() -> None:
    """Print the comparisons."""
    formulas = pd.read_csv(DATA / "critexam.csv.gz").formula.tolist()
    rng = np.random.default_rng(0)
    print(f"preparing {len(formulas):,} formulas: {seconds(lambda: PreparedCompositions.of(formulas)):.2f} s")
    library = PreparedCompositions.of(formulas)
    queries = PreparedCompositions.of(rng.choice(formulas, QUERIES, replace=False).tolist())
    few = PreparedCompositions.of(rng.choice(formulas, 100, replace=False).tolist())
    compare(
        "nearest, pairs",
        lambda: nearest(queries, library, NEIGHBOURS),
        lambda: all_distances(few, library),
        ours_n=len(queries) * len(library),
        peer_n=len(few) * len(library),
        peer_name="all distances by scipy cdist",
    )
    print(f"peak memory {peak_memory_mb():,.0f} MB")

    a, b = rng.choice(formulas, SOLVER_PAIRS).tolist(), rng.choice(formulas, SOLVER_PAIRS).tolist()
    worst = np.abs(distances(a, b) - [by_solver(*pair) for pair in zip(a, b, strict=True)]).max()
    print(f"largest difference from scipy's wasserstein_distance on {SOLVER_PAIRS:,} pairs: {worst:.1e}")
    compare(
        "distance, pairs",
        lambda: distances(a, b),
        lambda: [by_solver(*pair) for pair in zip(a[:2000], b[:2000], strict=True)],
        ours_n=SOLVER_PAIRS,
        peer_n=2000,
        peer_name="scipy wasserstein_distance",
    )


if __name__ == "__main__":
    main()
