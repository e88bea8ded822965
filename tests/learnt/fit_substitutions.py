"""Learn how likely a known crystal's structure stays when elements are replaced by others of their group.

Every crystal at hand is a parent, every other known formula that differs from it within groups a trial: right when it
has the parent's prototype with these elements in these places. Eight folds by formula.

    python tests/learnt/fit_substitutions.py [--write]
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from exfolio.models.structure.comparison.prototype_index import slot_orders
from exfolio.models.structure.pettifor import MODIFIED_PETTIFOR_ORDER
from exfolio.models.structure.substitution.substitution_odds import LEARNT, NEVER_SEEN, substitution_odds
from exfolio.models.structure.templates.library import TemplateLibrary
from pymatgen.analysis.structure_prediction.substitution_probability import SubstitutionProbability
from pymatgen.core import Element, Species
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GroupKFold

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "accuracy"))
import handbook_structures
import recovery

FOLDS = 8


def mined() -> dict[str, dict[str, float]]:
    """Weights of pairs of a group, of each the largest over the common oxidation states that both have."""
    table = SubstitutionProbability()
    found: dict[str, dict[str, float]] = {}
    elements = [Element(symbol) for symbol in sorted(MODIFIED_PETTIFOR_ORDER)]
    for first in elements:
        for second in elements:
            if first.symbol >= second.symbol or first.group != second.group:
                continue
            shared = set(first.common_oxidation_states) & set(second.common_oxidation_states)
            ions = [(Species(first.symbol, state), Species(second.symbol, state)) for state in shared]
            weight = max((table.get_lambda(*pair) for pair in ions), default=NEVER_SEEN)
            if weight > NEVER_SEEN:
                found.setdefault(first.symbol, {})[second.symbol] = round(float(weight), 3)
    return found


def trials(library: TemplateLibrary) -> Iterator[tuple[str, tuple[float, float, float], bool]]:
    """Formula, what speaks against the substitution, and whether it is known with the structure, of each trial."""
    by_amounts: dict[tuple[int, ...], dict[str, list]] = defaultdict(lambda: defaultdict(list))
    for one in library.templates:
        by_amounts[library.amounts_of(one.template_id)][one.formula].append(one.membership)
    for amounts, by_formula in by_amounts.items():
        for old, parents in by_formula.items():
            for new, known in by_formula.items():
                if old == new:
                    continue
                arrangements = {tuple(known[0].slots[k] for k in order) for order in slot_orders(amounts)}
                for parent in {one.prototype: one for one in parents}.values():
                    symmetries = library.prototypes[parent.prototype].symmetries
                    takes = {
                        tuple(one.slots[k] for k in same)
                        for one in known
                        if one.prototype == parent.prototype
                        for same in symmetries
                    }
                    for elements in arrangements:
                        pairs = list(zip(parent.slots, elements, strict=True))
                        if any(Element(a).group != Element(b).group for a, b in pairs):
                            continue
                        odds = substitution_odds(old, new, dict(pairs))
                        yield new, (odds.likeness, odds.radius_mismatch, odds.mined), elements in takes


def main() -> None:
    """Measure, and write when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"write {LEARNT.name}")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.write:
        LEARNT.write_text(json.dumps(mined(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    libraries = {
        "handbook": handbook_structures.load()[0],
        "bulk": recovery.load("bulk").library,
        "monolayers": recovery.load("2d").library,
    }
    rows = [(name, *trial) for name, library in libraries.items() for trial in trials(library)]
    sources, formulas, parts, right = (np.array(column) for column in zip(*rows, strict=True))
    for name, columns in (("likeness", [0]), ("and radii", [0, 1]), ("and data-mined", [0, 2]), ("all", [0, 1, 2])):
        told = np.zeros(len(right))
        for use, rest in GroupKFold(FOLDS).split(parts, right, formulas):
            told[rest] = _model(parts[use][:, columns], right[use]).predict_proba(parts[rest][:, columns])[:, 1]
        model = _model(parts[:, columns], right)
        print(f"{name}: constant {model.intercept_[0]:.3f}, weights {(-model.coef_[0]).round(3)}")
        for source in libraries:
            own = sources == source
            auc, loss = roc_auc_score(right[own], told[own]), log_loss(right[own], told[own])
            print(f"  {source}: {own.sum()} trials, {right[own].sum()} right; AUC {auc:.3f}, log loss {loss:.4f}")


def _model(parts: np.ndarray, right: np.ndarray) -> LogisticRegression:
    return LogisticRegression(max_iter=1000).fit(parts, right)


if __name__ == "__main__":
    main()
