"""Roost's error on the formation energies of Bartel et al. (npj Comput. Mater. 6, 97 (2020)), with their own split.

Trains the members of the accurate ensemble one after the other, each from its last checkpoint and none twice, and
measures those that are there, alone and together. It takes more than an hour of one core.

    python tests/accuracy/roost_accuracy.py FOLDER [--only-measure]

FOLDER keeps weights and checkpoints; whatever ends in ``.weights`` there is measured.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from pathlib import Path

import numpy as np
import torch
from exfolio.models.composition.roost.learner import RoostLearner, TrainingSet, network_of
from exfolio.models.composition.roost.model import RoostConfig, RoostEnsemble, predict
from exfolio.models.learning.loop import train

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "critexam.csv.gz"
MEMBERS = {
    **{f"told-{seed}": (RoostConfig(epochs=48), seed) for seed in (13, 14, 15)},
    "untold-2": (RoostConfig.untold_large(), 2),
}

Part = tuple[list[str], np.ndarray]


def read() -> dict[str, Part]:
    """Read formulas and formation energies (eV/atom) of each part of the split."""
    parts: dict[str, tuple[list[str], list[float]]] = {}
    with gzip.open(DATA, "rt") as lines:
        for row in csv.DictReader(lines):
            formulas, energies = parts.setdefault(row["split"], ([], []))
            formulas.append(row["formula"])
            energies.append(float(row["formation_energy_per_atom"]))
    return {name: (formulas, np.array(energies)) for name, (formulas, energies) in parts.items()}


def train_member(name: str, folder: Path, parts: dict[str, Part]) -> None:
    """Train one member on the training part, its best epoch chosen by the validation part."""
    config, seed = MEMBERS[name]
    learnt, validated = TrainingSet.of(*parts["train"]), TrainingSet.of(*parts["val"])
    checkpoint = folder / f"{name}.checkpoint"
    training = train(
        RoostLearner(config, learnt, validated, seed=seed),
        epochs=config.epochs,
        seed=seed,
        watch="validation_mae",
        resume=checkpoint.read_bytes() if checkpoint.exists() else None,
        checkpoint=checkpoint.write_bytes,
        progress=lambda done, of, figures: print(f"{name}: {done} of {of}, {figures}", flush=True),
    )
    ensemble = RoostEnsemble((network_of(config, training.best),))
    (folder / f"{name}.weights").write_bytes(ensemble.to_bytes())


def measure(folder: Path, parts: dict[str, Part]) -> None:
    """Print the mean and median absolute errors of all weights in the folder, and of all their members together."""
    found = {path.stem: RoostEnsemble.from_bytes(path.read_bytes()) for path in sorted(folder.glob("*.weights"))}
    together = RoostEnsemble(tuple(member for one in found.values() for member in one.members))
    for name, ensemble in {**found, f"all {len(together.members)} members": together}.items():
        for part in ("val", "test"):
            formulas, energies = parts[part]
            answer = predict(ensemble, formulas)
            errors = np.abs(answer.mean - energies)
            one, two = ((errors < times * answer.std).mean() for times in (1, 2))
            print(
                f"{name:>16s} {part:>4s}: mean {errors.mean():.4f}, median {np.median(errors):.4f} eV/atom; "
                f"within one and two deviations {one:.0%}, {two:.0%}",
                flush=True,
            )


def main() -> None:
    """Train what is missing, then measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only-measure", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    given.folder.mkdir(parents=True, exist_ok=True)
    parts = read()
    for name in () if given.only_measure else MEMBERS:
        if not (given.folder / f"{name}.weights").exists():
            train_member(name, given.folder, parts)
    measure(given.folder, parts)


if __name__ == "__main__":
    main()
