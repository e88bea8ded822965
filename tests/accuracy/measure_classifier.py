"""Measures the classifier of compositions where it has not been: by composition, by family, on lists held out whole.

    python tests/accuracy/measure_classifier.py KEPT [--folds N] [--runs RUN …]

KEPT keeps the probabilities of every fold, so that a run goes on where it was stopped; what is there is summed up in
`docs/measured/classifier.json`, which the page of the papers' figures and docs/compositions.md rest on. A fold takes
about a minute of one core.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from exfolio.builders.sources.bundled.known_monolayers import KnownMonolayers
from exfolio.models.composition.classifier.config import ClassifierConfig
from exfolio.models.composition.classifier.cross_validation import Division, divide, judge_fold
from exfolio.models.composition.classifier.fitting import fit
from exfolio.models.composition.classifier.report import calibration, standard_error
from exfolio.models.composition.classifier.training_compositions import training_set
from exfolio.models.composition.formula.formulas import reduced_formulas
from exfolio.models.composition.similar_compositions import families
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "learnt"))
from ship_models import DATA, LISTS, column, materials_project

Doc = dict[str, Any]

STORED: Final = Path(__file__).resolve().parents[2] / "docs" / "measured" / "classifier.json"

#: Protocol, settings, and whether labels are shuffled, of each cross validation on 2DMatPedia alone against the
#: Materials Project: the sets of the published classifier.
RUNS: Final[dict[str, tuple[str, Doc, bool]]] = {
    "families, untold .5": ("families", {"untold": 0.5}, False),
    "families, untold 0": ("families", {"untold": 0.0}, False),
    "families, untold .3": ("families", {"untold": 0.3}, False),
    "compositions, untold .5": ("compositions", {"untold": 0.5}, False),
    "compositions, untold 0": ("compositions", {"untold": 0.0}, False),
    "entries, untold .5": ("entries", {"untold": 0.5}, False),
    "families, untold .5, two members": ("families", {"untold": 0.5, "boosted_members": 2}, False),
    "shuffled labels, compositions": ("compositions", {"untold": 0.5}, True),
    "shuffled labels, families": ("families", {"untold": 0.5}, True),
}

#: Settings by which lists are held out whole.
HELD_OUT: Final[dict[str, Doc]] = {
    "all others learnt": {},
    "sure negatives, .3": {"unlabelled_above": 0.3},
    "sure negatives, .1": {"unlabelled_above": 0.1},
}
_NEGATIVES_HELD_OUT: Final = 0.1


def entries(data: Path, name: str) -> list[str]:
    """Reduced formulas of a file, as often as they come."""
    with gzip.open(data / f"{name}.csv.gz", "rt") as lines:
        return list(reduced_formulas([row["formula"] for row in csv.DictReader(lines)]))


def project_entries(data: Path) -> list[str]:
    """Entries of the Materials Project at hand."""
    return entries(data, "matbench_mp_e_form")


def division_of(protocol: str, folds: int, *, shuffled: bool, data: Path) -> Division:
    """The compositions of 2DMatPedia against those of the Materials Project, in folds."""
    read, others = (column, materials_project) if protocol != "entries" else (entries, project_entries)
    learnt, is_2d = training_set(read(data, LISTS[0]), others(data))
    if shuffled:
        is_2d = np.random.default_rng(1).permutation(is_2d)
    return divide(learnt, is_2d, protocol=protocol, folds=folds)  # type: ignore[arg-type]


def judged(kept: Path, run: str, fold: int, folds: int, data: Path) -> Path:
    """File with labels, probabilities and relatives learnt of a fold; computed where it is not there."""
    path = kept / f"{run.replace(' ', '-').replace(',', '')}-{fold}-of-{folds}.npz"
    if not path.exists():
        protocol, settings, shuffled = RUNS[run]
        division = division_of(protocol, folds, shuffled=shuffled, data=data)
        result = judge_fold(division, fold, ClassifierConfig(**settings))
        inside, family = division.fold == fold, families(division.formulas)
        learnt = np.bincount(family[~inside], minlength=int(family.max()) + 1)
        np.savez(path, is_2d=division.is_2d[inside], p=result.probability, relatives=learnt[family[inside]])
        print(f"{run}, fold {fold}: AUC {roc_auc_score(division.is_2d[inside], result.probability):.4f}", flush=True)
    return path


def summary(files: list[Path]) -> Doc:
    """Figures over folds with their standard errors, and calibration by whether a relative was learnt."""
    folds = [np.load(path) for path in files]
    of_each = [figures(fold["is_2d"], fold["p"]) for fold in folds]
    names = of_each[0].keys()
    told: Doc = {"folds": len(folds)}
    told |= {name: float(np.mean([one[name] for one in of_each])) for name in names}
    told["standard_error"] = {name: standard_error(np.array([one[name] for one in of_each])) for name in names}
    is_2d, p, relatives = (np.concatenate([fold[name] for fold in folds]) for name in ("is_2d", "p", "relatives"))
    parts = {"with relatives": relatives > 0, "without": relatives == 0}
    told["calibration"] = {
        name: {**expected(is_2d[part], p[part]), "bins": calibration(is_2d[part], p[part])}
        for name, part in parts.items()
        if is_2d[part].any()
    }
    return told


def figures(is_2d: NDArray[np.bool_], p: NDArray[np.float64]) -> dict[str, float]:
    """Figures of one fold."""
    said = p >= 0.5
    return {
        "auc": float(roc_auc_score(is_2d, p)),
        "average_precision": float(average_precision_score(is_2d, p)),
        "log_loss": float(log_loss(is_2d, p)),
        "found_at_half": float(said[is_2d].mean()),
        "false_positive_rate_at_half": float(said[~is_2d].mean()),
    }


def expected(is_2d: NDArray[np.bool_], p: NDArray[np.float64]) -> dict[str, float]:
    """Number of two-dimensional ones and how many the probabilities add up to."""
    return {"n": len(p), "two_dimensional": int(is_2d.sum()), "expected": float(p.sum()), "auc": float(
        roc_auc_score(is_2d, p)
    )}  # fmt: skip


def lists_held_out(kept: Path, data: Path) -> Doc:
    """What classifiers say of a list of two-dimensional compositions of which they learnt none, in any part."""
    told: Doc = {}
    lists = {name: set(column(data, name)) for name in LISTS}
    project = set(materials_project(data))
    made = set(reduced_formulas(_made()))
    for name, out in {**dict(list(lists.items())[1:]), "layers that have been made": made}.items():
        others = set().union(*(one for other, one in lists.items() if other != name))
        asked = sorted(out if name.startswith("layers") else out - others)
        positives = sorted((set().union(*lists.values()) - out) if name.startswith("layers") else others)
        negatives = np.array(sorted(project - set(positives) - out))
        aside = np.random.default_rng(3).random(len(negatives)) < _NEGATIVES_HELD_OUT
        for how, settings in HELD_OUT.items():
            path = kept / f"held-out-{name}-{how}.npz".replace(" ", "-").replace(",", "")
            if not path.exists():
                learnt, is_2d = training_set(positives, negatives[~aside].tolist())
                classifier = fit(learnt, is_2d, ClassifierConfig(**settings))
                p = classifier.probability([*asked, *negatives[aside].tolist()])
                np.savez(path, p=p[: len(asked)], negatives=p[len(asked) :])
            read = np.load(path)
            p, of_negatives = read["p"], read["negatives"]
            labels = np.arange(len(p) + len(of_negatives)) < len(p)
            told.setdefault(name, {})[how] = {
                "compositions": len(p),
                "at_least_half": float((p >= 0.5).mean()),
                "below_5_percent": float((p < 0.05).mean()),
                "auc": float(roc_auc_score(labels, np.concatenate([p, of_negatives]))),
                "negatives_at_least_half": float((of_negatives >= 0.5).mean()),
            }
            print(name, how, told[name][how], flush=True)
    return told


def _made() -> Iterator[str]:
    source = KnownMonolayers()
    for record in source.records(source.files()[0]):
        yield record.payload["row"]["formula"]


def main() -> None:
    """Judge what is missing, and sum up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kept", type=Path)
    parser.add_argument("--folds", type=int, default=10, help="folds to judge, of ten")
    parser.add_argument("--runs", nargs="*", default=[*RUNS, "lists"])
    parser.add_argument("--data", type=Path, default=DATA)
    given = parser.parse_args()
    given.kept.mkdir(parents=True, exist_ok=True)
    told: Doc = json.loads(STORED.read_text()) if STORED.is_file() else {}
    files: dict[str, list[Path]] = {}
    for fold in range(given.folds):
        for run in RUNS:
            if run in given.runs:
                files.setdefault(run, []).append(judged(given.kept, run, fold, 10, given.data))
    told |= {run: summary(paths) for run, paths in files.items()}
    if "lists" in given.runs:
        told["lists held out whole"] = lists_held_out(given.kept, given.data)
    STORED.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
