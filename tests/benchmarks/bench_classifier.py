"""Times the classifiers and their probabilities against scikit-learn's own, and the ways of storing a forest.

Run as ``python tests/benchmarks/bench_classifier.py``. Speed does not depend on what the labels are, so generated
compositions serve, 2D if light.
"""

import io
import random
import tempfile
from pathlib import Path

import joblib
import numpy as np
from exfolio.models.composition.classifier.config import ClassifierConfig
from exfolio.models.composition.classifier.fitting import fit, pack
from exfolio.models.composition.classifier.model import Classifier, unpack
from exfolio.models.composition.formula.formulas import reduced_formulas
from exfolio.models.composition.formula.parsing import parse
from exfolio.models.composition.magpie import featurize
from exfolio.models.composition.one_hot import ELEMENTS
from exfolio.models.composition.similar_compositions import Relatives
from exfolio.models.composition.stoichiometry import featurize as featurize_stoichiometry
from exfolio.models.learning.tree_ensemble import TreeEnsemble
from report import compare, peak_memory_mb, seconds
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from threadpoolctl import threadpool_limits

N = 10_000
LEARNED = 3_000


def generated(n: int) -> list[str]:
    rng = random.Random(1)
    drawn = [
        "".join(f"{symbol}{rng.randint(1, 8)}" for symbol in rng.sample(ELEMENTS, rng.choice([2, 3, 3, 4])))
        for _ in range(n)
    ]
    return list(dict.fromkeys(reduced_formulas(drawn)))


def main() -> None:
    """Print one line for each comparison."""
    formulas = generated(N)
    parsed = parse(formulas)
    features = featurize(parsed).astype(np.float32)
    masses = featurize(parsed)[:, 9]
    is_2d = masses + np.random.default_rng(0).normal(0, 20, len(masses)) < np.quantile(masses, 0.1)

    forest = RandomForestClassifier(50, max_depth=20, random_state=0).fit(features[:LEARNED], is_2d[:LEARNED])
    trees = TreeEnsemble.from_forest(forest)
    compare(
        "50 trees of a forest",
        lambda: trees.sums(features),
        lambda: forest.predict_proba(features),
        ours_n=len(formulas),
        peer_name="scikit-learn",
    )
    boosting = HistGradientBoostingClassifier(max_iter=100, max_leaf_nodes=15, early_stopping=False, random_state=0)
    boosting.fit(features[:LEARNED], is_2d[:LEARNED])
    boosted_trees = TreeEnsemble.from_boosting(boosting)
    compare(
        "100 boosted trees",
        lambda: boosted_trees.sums(features),
        lambda: boosting.decision_function(features),
        ours_n=len(formulas),
        peer_name="scikit-learn",
    )

    def all_columns() -> None:
        grown = HistGradientBoostingClassifier(
            max_iter=300, max_leaf_nodes=15, max_features=0.4, l2_regularization=1, early_stopping=False, random_state=0
        )
        with threadpool_limits(1):
            grown.fit(np.hstack([features, featurize_stoichiometry(parsed)]), is_2d)

    compare(
        "a boosting, features and columns chosen within the time",
        lambda: fit(formulas, is_2d, ClassifierConfig()),
        all_columns,
        ours_n=len(formulas),
        peer_name="scikit-learn, features made beforehand",
    )

    classifier = fit(formulas[:LEARNED], is_2d[:LEARNED], ClassifierConfig(kind="forest", forest_trees=50))
    data = pack(classifier)
    dumped = io.BytesIO()
    joblib.dump(forest, dumped)
    print(
        f"a forest of {len(trees.feature):,} nodes: {len(data) / 1e6:.1f} MB packed, {dumped.tell() / 1e6:.1f} pickled"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "forest"
        path.write_bytes(dumped.getvalue())
        compare(
            "reading a forest",
            lambda: unpack(data),
            lambda: joblib.load(path),
            ours_n=1,
            peer_name="joblib (pickle)",
        )

    boosted = fit(formulas[:LEARNED], is_2d[:LEARNED], ClassifierConfig(kind="boosted"))
    assert boosted.known is not None
    parts(boosted, boosted.known, formulas)


def parts(boosted: Classifier, known: Relatives, formulas: list[str]) -> None:
    """Print what each part of a probability costs."""
    parsed = parse(formulas)
    columns = np.hstack([featurize(parsed), featurize_stoichiometry(parsed), known.features(parsed)]).astype(np.float32)
    for name, work in (
        ("reading", lambda: parse(formulas)),
        ("Magpie features", lambda: featurize(parsed)),
        ("stoichiometry", lambda: featurize_stoichiometry(parsed)),
        ("relatives", lambda: known.features(parsed)),
        ("trees", lambda: boosted.trees.sums(columns)),
        ("all, formulas read", lambda: boosted.probability(parsed)),
    ):
        took = min(seconds(work) for _ in range(3))
        print(f"boosted, {name}: {len(formulas) / took:,.0f}/s, {took / len(formulas) * 2e6:.0f} s for two million")
    print(f"peak memory {peak_memory_mb():,.0f} MB")


if __name__ == "__main__":
    main()
