"""Times the Magpie features against matminer's ElementProperty, and the reading of formulas against pymatgen's.

Run as ``python tests/benchmarks/bench_magpie.py``.
"""

import random
import warnings

import numpy as np
from exfolio.models.composition.formula.formulas import describe_all, parse, reduced_formulas
from exfolio.models.composition.magpie import featurize
from exfolio.models.composition.one_hot import ELEMENTS, decode_parsed, encode
from matminer.featurizers.composition import ElementProperty
from pymatgen.core import Composition
from report import compare, seconds

#: What matminer gets of them, since it takes hundreds of times as long.
PEER_SAMPLE = 1000
N = 100_000


def generated(n: int) -> list[str]:
    rng = random.Random(1)
    return [
        "".join(f"{symbol}{rng.randint(1, 8)}" for symbol in rng.sample(ELEMENTS, rng.choice([2, 3, 3, 4, 4, 5])))
        for _ in range(n)
    ]


def facts(formula: str) -> tuple[str, str, str]:
    composition = Composition(formula)
    return composition.reduced_formula, composition.anonymized_formula, composition.chemical_system


def main() -> None:
    """Print one line for each comparison."""
    warnings.simplefilter("ignore", UserWarning)
    formulas = generated(N)
    sample = formulas[:PEER_SAMPLE]
    preset = ElementProperty.from_preset("magpie")
    theirs = np.array([preset.featurize(Composition(formula)) for formula in sample])
    print(f"largest difference of {theirs.size:,} features: {np.abs(featurize(sample) - theirs).max():.1e}")
    compare(
        "132 Magpie features, reading included",
        lambda: featurize(formulas),
        lambda: [preset.featurize(Composition(formula)) for formula in sample],
        ours_n=N,
        peer_n=PEER_SAMPLE,
        peer_name="matminer",
    )
    compare(
        "reading formulas",
        lambda: parse(formulas),
        lambda: [Composition(formula) for formula in sample],
        ours_n=N,
        peer_n=PEER_SAMPLE,
        peer_name="pymatgen",
    )
    compare(
        "reduced formulas, reading included",
        lambda: reduced_formulas(formulas),
        lambda: [Composition(formula).reduced_formula for formula in sample],
        ours_n=N,
        peer_n=PEER_SAMPLE,
        peer_name="pymatgen",
    )
    compare(
        "reduced and anonymous formula, chemical system, reading included",
        lambda: describe_all(formulas),
        lambda: [facts(formula) for formula in sample],
        ours_n=N,
        peer_n=PEER_SAMPLE,
        peer_name="pymatgen",
    )
    parsed = parse(formulas)
    array = encode(parsed)
    print(f"85 x 8 arrays: written {N / seconds(lambda: encode(parsed)):,.0f}/s, ", end="")
    print(f"read {N / seconds(lambda: decode_parsed(array)):,.0f}/s")


if __name__ == "__main__":
    main()
