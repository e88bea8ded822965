"""Measures Roost on Matbench's tasks of crystals from the compositions alone: band gap, formation energy, exfoliation.

    python tests/accuracy/measure_matbench.py TASK [--fold N …] [--epochs N]

Folds are Matbench's (five, shuffled, seed 18012019: Dunn et al., npj Comput. Mater. 6, 138 (2020)), of the records in
their order; a tenth of what is learnt from chooses the epoch. What a fold gives is added to
`docs/measured/matbench.json`.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from exfolio.models.composition.formula.parsing import parse
from exfolio.models.composition.roost.learner import RoostLearner, TrainingSet, network_of
from exfolio.models.composition.roost.model import RoostConfig, RoostEnsemble, predict
from exfolio.models.learning.loop import train
from sklearn.model_selection import KFold

DATA: Final = Path(__file__).resolve().parents[3] / "shared" / "data"
STORED: Final = Path(__file__).resolve().parents[2] / "docs" / "measured" / "matbench.json"
SEED: Final = 18012019
COLUMNS: Final = {
    "mp_gap": "band_gap",
    "mp_e_form": "formation_energy_per_atom",
    "jdft2d": "exfoliation_energy_mev_per_atom",
}


def judged(task: str, fold: int, config: RoostConfig) -> dict[str, Any]:
    """Mean absolute error of a fold, in the unit of the task, of a network that learnt from the others."""
    with gzip.open(DATA / f"matbench_{task}.csv.gz", "rt") as lines:
        rows = list(csv.DictReader(lines))
    formulas = np.array([row["formula"] for row in rows])
    values = np.array([float(row[COLUMNS[task]]) for row in rows])
    learnt, asked = list(KFold(5, shuffle=True, random_state=SEED).split(formulas))[fold]
    chooses = np.random.default_rng(fold).random(len(learnt)) < 0.1
    parsed = parse(formulas[learnt].tolist())
    known = np.unique(parsed.numbers[~chooses[parsed.rows]])
    chooses[parsed.rows[~np.isin(parsed.numbers, known)]] = False  # elements that the others lack are learnt
    parts = [TrainingSet.of(formulas[part].tolist(), values[part]) for part in (learnt[~chooses], learnt[chooses])]
    begun = time.process_time()
    training = train(
        RoostLearner(config, *parts, seed=0),
        epochs=config.epochs,
        seed=0,
        watch="validation_mae",
        progress=lambda done, of, figures: print(f"{task}, fold {fold}: {done} of {of}, {figures}", flush=True),
    )
    network = RoostEnsemble((network_of(config, training.best),))
    predicted = predict(network, formulas[asked].tolist(), unseen="nan").mean
    predicted = np.where(np.isnan(predicted), values[learnt].mean(), predicted)
    errors = np.abs(predicted - values[asked])
    return {
        "mae": float(errors.mean()),
        "standard_error": float(errors.std(ddof=1) / len(errors) ** 0.5),
        "records": len(errors),
        "epochs": config.epochs,
        "seconds": round(time.process_time() - begun, 1),
    }


def main() -> None:
    """Judge the folds, and store what comes out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=COLUMNS)
    parser.add_argument("--fold", type=int, nargs="*", default=list(range(5)))
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--batch", type=int, default=256)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    config = RoostConfig(known_energies=False, epochs=given.epochs, batch_size=given.batch, duplicates="mean")
    for fold in given.fold:
        figures = judged(given.task, fold, config)
        print(given.task, fold, figures, flush=True)
        stored = json.loads(STORED.read_text()) if STORED.is_file() else {}
        stored.setdefault(given.task, {})[str(fold)] = figures
        whole = [one["mae"] for one in stored[given.task].values() if isinstance(one, dict)]
        stored[given.task] |= {"folds": len(whole), "mae": float(np.mean(whole))}
        errors = [one["standard_error"] for one in stored[given.task].values() if isinstance(one, dict)]
        stored[given.task]["standard_error"] = float(np.sqrt(np.square(errors).sum()) / len(errors))
        STORED.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
