"""Times the screening of compositions against smact_validity, texts in and both verdicts out.

Run as ``python tests/benchmarks/bench_screening.py``. Formulas are generated ones, and the 85,014 of critexam.csv where
the folder of real data is there.
"""

import csv
import gzip
import random
from pathlib import Path

import numpy as np
from exfolio.models.composition.formula.formulas import parse
from exfolio.models.composition.one_hot import ELEMENTS
from exfolio.models.composition.screening import screen
from report import compare
from smact.screening import smact_validity

CRITEXAM = Path(__file__).resolve().parents[3] / "shared" / "data" / "critexam.csv.gz"

#: What smact gets of them, since it takes a hundred times as long.
PEER_SAMPLE = 3000


def by_smact(formulas: list[str]) -> list[tuple[bool, bool]]:
    return [
        (
            smact_validity(formula, use_pauling_test=False, include_alloys=False),
            smact_validity(formula, use_pauling_test=True, include_alloys=False),
        )
        for formula in formulas
    ]


def generated(n: int) -> list[str]:
    rng = random.Random(1)
    return [
        "".join(f"{symbol}{rng.randint(1, 8)}" for symbol in rng.sample(ELEMENTS, rng.choice([2, 3, 3, 4, 4, 5])))
        for _ in range(n)
    ]


def real() -> list[str]:
    with gzip.open(CRITEXAM, "rt") as lines:
        return [row["formula"] for row in csv.DictReader(lines)]


def main() -> None:
    """Print one line for each kind of formulas and each way in, and how often both agree."""
    kinds = {"generated": generated(200_000)}
    if CRITEXAM.is_file():
        kinds["of the Materials Project"] = real()
    for name, formulas in kinds.items():
        sample = random.Random(2).sample(formulas, PEER_SAMPLE)
        np.testing.assert_array_equal(np.array(screen(sample)).T, by_smact(sample))  # also warms both up
        print(f"formulas {name}: verdicts agree on all of {PEER_SAMPLE:,}")
        compare(
            f"both screens, formulas {name}, reading included",
            lambda formulas=formulas: screen(formulas),
            lambda sample=sample: by_smact(sample),
            ours_n=len(formulas),
            peer_n=len(sample),
            peer_name="smact_validity twice",
        )
        parsed = parse(formulas)
        compare(
            f"both screens, formulas {name}, read before, against balance alone",
            lambda parsed=parsed: screen(parsed),
            lambda sample=sample: [smact_validity(formula, include_alloys=False) for formula in sample],
            ours_n=len(formulas),
            peer_n=len(sample),
            peer_name="smact_validity once",
        )


if __name__ == "__main__":
    main()
