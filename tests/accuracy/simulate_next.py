"""Simulate which calculations to run first: promoted layers found by `exfolio next`, by order of energy, and at random.

Layers whose exfoliation energy is known (2DMatPedia's, and those of the handbook's crystals in JARVIS: optB88-vdW) wait
by the intervals of a potential, each made of the others' errors. A calculation tells the known value. Counted are those
that pass after so many calculations, and after calculations that cost as much as so many average ones.

    python tests/accuracy/simulate_next.py --keep FOLDER

FOLDER keeps the energies, as for ``measure_exfoliation.py``, which makes them in minutes where they are not there.
"""

from __future__ import annotations

import argparse
import json
import math
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from exfolio.builders.properties.potential.layers.exfoliation_errors import bonding_class
from exfolio.builders.properties.potential.layers.layer_energies_stage import BULK, STACK
from exfolio.models.decision.calculation_cost import electrons_of, height_of_layer, runs_for, static_cost
from exfolio.models.decision.chance_to_pass import Range, chance_to_pass
from exfolio.models.decision.worth import worth
from exfolio.models.energetics.reliability.error_intervals import ErrorModel, Measured, conformal_quantile
from measure_exfoliation import (
    FOLDS,
    LEAST,
    MOST_ATOMS,
    energies,
    handbook_layers,
    jarvis,
    records_of_2dmatpedia,
    reduced,
)
from numpy.typing import NDArray
from pymatgen.core import Composition, Structure

POTENTIAL = "chgnet-d3"
THRESHOLDS = (0.2, 0.1)  # eV/atom: of the shipped campaign, and of one that asks for layers half as strongly bound
CALCULATIONS = (5, 10, 20)
SAMPLES = 1000
Array = NDArray[np.float64]


class Layers(NamedTuple):
    """Layers, (n,) each: values by the potential and known ones, eV/atom; cost of the calculations; formulas."""

    values: Array
    known: Array
    costs: Array
    formulas: list[str]


def layers_with_known_values(keep: Path | None) -> Layers:
    """Layers of both sources, each once."""
    kept = keep / f"{POTENTIAL}.json" if keep else None
    if kept is not None and kept.exists():
        said = json.loads(kept.read_text())
    else:
        said = energies(POTENTIAL)
        if kept is not None:
            kept.write_text(json.dumps(said))
    cells = {record["id"]: (record["layer"], len(record["layer"])) for record in records_of_2dmatpedia()}
    of_handbook = {
        (layer["id"], layer["layer"].composition.reduced_formula): (layer["layer"], len(layer["bulk"]))
        for layer in handbook_layers(MOST_ATOMS[POTENTIAL])
    }
    lowest = jarvis()
    rows: dict[str, tuple[float, float, float, str]] = {}
    for doc in said:
        formula = reduced(doc["formula"])
        if doc["value"] is None:
            continue
        if doc["against"] == STACK and "known" in doc:
            rows[doc["id"]] = (doc["value"], doc["known"], cost(*cells[doc["id"]]), formula)
        elif doc["against"] == BULK and formula in lowest:
            now = (doc["value"], lowest[formula], cost(*of_handbook[doc["id"], doc["formula"]]), formula)
            rows[formula] = min(now, rows.get(formula, now))
    values, known, costs, formulas = zip(*rows.values(), strict=True)
    return Layers(np.array(values), np.array(known), np.array(costs), list(formulas))


def cost(layer: Structure, atoms_of_bulk: int) -> float:
    """Cost of an exfoliation energy, in static runs of silicon."""
    runs = runs_for(frozenset(["exfoliation_energy"]), 2)
    formula = layer.composition.reduced_formula
    own, bulk = electrons_of([formula, formula], [len(layer), atoms_of_bulk])
    heights = layer.cart_coords[:, 2]
    height = height_of_layer(float(heights.max() - heights.min()))
    return float(runs.own * static_cost(own, height) + runs.bulk * static_cost(bulk))


def intervals(layers: Layers) -> Array:
    """Ends of the interval of each layer, (n, 2), of the errors of layers in other folds of its class."""
    values = layers.values
    groups = np.array([bonding_class(Composition(formula).get_el_amt_dict()) for formula in layers.formulas])
    scores = Measured(values, np.zeros(len(values)), layers.known).scores
    fold = np.random.default_rng(0).permutation(len(values)) % FOLDS
    ends = np.zeros((len(values), 2))
    for number, value in enumerate(values):
        same = groups == groups[number]
        others = (fold != fold[number]) & (same if same.sum() >= LEAST else True)
        ends[number] = ErrorModel(conformal_quantile(scores[others]), 0, 0, 0).interval(value)
    return ends


def simulate(layers: Layers, ends: Array, threshold: float) -> None:
    """Tell what each order finds among the layers that wait at a threshold."""
    waits = (ends[:, 0] <= threshold) & (ends[:, 1] > threshold)
    values, passes, costs = layers.values[waits], (layers.known <= threshold)[waits], layers.costs[waits]
    wanted = Range(-math.inf, threshold)
    chances = np.array(
        [chance_to_pass(wanted, *row) for row in zip(values, *ends[waits].T, strict=True)], dtype=np.float64
    )
    error = ((chances - passes) ** 2).mean()
    print(f"{threshold:g} eV/atom: {len(values)} of {len(waits)} wait, {passes.mean():.2f} of them pass,", end=" ")
    print(f"mean chance {chances.mean():.2f}, Brier score {error:.3f}; costs {costs.min():.0f} to {costs.max():.0f}")
    orders = {
        "next: P H / cost": worth(chances, costs),
        "P / cost": chances / costs,
        "chance: P": chances,
        "by energy": -values,
        "by cost": -costs,
        "at random": None,
    }
    for name, score in orders.items():
        found = _found(score, passes, costs)
        told = [f"{mean:.1f} ± {deviation:.1f}" for mean, deviation in zip(found.mean(0), found.std(0), strict=True)]
        print(f"    {name:18}" + "  ".join(told))


def _found(score: Array | None, passes: NDArray[np.bool_], costs: Array) -> Array:
    """Promoted layers after calculations, and after their average cost, of samples drawn anew, (samples, 2 n)."""
    rng = np.random.default_rng(0)
    found = np.zeros((SAMPLES, 2 * len(CALCULATIONS)))
    for sample in range(SAMPLES):
        drawn = rng.choice(len(passes), len(passes))
        if score is not None:
            drawn = drawn[np.argsort(-score[drawn], kind="stable")]
        spent = np.cumsum(costs[drawn]) / costs.mean()
        found[sample] = [passes[drawn[:most]].sum() for most in CALCULATIONS] + [
            passes[drawn[spent <= most]].sum() for most in CALCULATIONS
        ]
    return found


def main() -> None:
    """Simulate at each threshold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="folder that keeps the energies")
    warnings.simplefilter("ignore")
    layers = layers_with_known_values(parser.parse_args().keep)
    ends = intervals(layers)
    told = ", ".join(str(number) for number in CALCULATIONS)
    print(f"promoted after {told} calculations, and after the cost of so many (± s.d. of {SAMPLES} resampled sets)")
    for threshold in THRESHOLDS:
        simulate(layers, ends, threshold)


if __name__ == "__main__":
    main()
