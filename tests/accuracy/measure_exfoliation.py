"""Measure the errors of exfoliation energies by potentials with dispersion, and write what intervals are made of.

Layers of the bundled handbook's crystals, against their bulk and stacked on themselves, beside JARVIS (optB88-vdW, of
several values of a formula, whose structures it doesn't tell, the median); monolayers that 2DMatPedia cut from bulk
crystals, stacked on themselves, beside its own values (optB88-vdW). What stands in ``exfoliation_errors.json`` is made
by

    python tests/accuracy/measure_exfoliation.py chgnet-d3 sevennet-0-d3 sevennet-l3i5-d3 --keep FOLDER --write

FOLDER keeps the energies, which take minutes (CHGNet) to half an hour (SevenNet, whose 2DMatPedia is left out).
``--relaxed`` relaxes layers in their plane and bulks wholly, of the handbook against bulks alone; ``--every N`` takes
a sample. Told beside are records of 2DMatPedia of the same formula and space group, and ratios to the random-phase
approximation (``rpa_binding_energies.csv``; T. Björkman et al., Phys. Rev. Lett. 108, 235502 (2012),
as listed for the benchmark LM26 in github.com/KyleBryenton/Oscallot).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from exfolio.builders.properties.potential import known_potentials
from exfolio.builders.properties.potential.layers import exfoliation_errors
from exfolio.builders.properties.potential.layers.exfoliation_errors import ALL, HYDROGEN, bonding_class
from exfolio.builders.properties.potential.layers.layer_energies_stage import BULK, STACK
from exfolio.builders.sources.reader_kinds import reader_for
from exfolio.models.energetics.reliability.calibration import LEAST
from exfolio.models.energetics.reliability.error_intervals import ErrorModel, Measured, conformal_quantile, error_model
from exfolio.models.evaluation.relatives import family
from exfolio.models.potential.layer_binding import layer_bindings
from exfolio.models.structure.layered.monolayer import NotLayered, monolayers
from exfolio.models.structure.serialization import from_plain
from exfolio.models.structure.symmetry.symmetry_analysis import space_group
from exfolio.models.structure.vacuum import is_monolayer_cell
from numpy.typing import NDArray
from pymatgen.core import Composition, Structure
from scipy.stats import spearmanr

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
THRESHOLD = 0.2  # eV/atom
MOST_ATOMS = {"chgnet-d3": 40}
FEW_ATOMS = 12
FEW_PAIRS = 5
FOLDS, SPLITS = 10, 10
Doc = dict[str, Any]


def handbook_layers(most: int) -> Iterator[Doc]:
    """Monolayers of the handbook's crystals, each with its bulk."""
    reader = reader_for("handbook")
    records = (record for path in reader.files() for record in reader.records(path))
    for material in (material for record in records for material in reader.parse(record)["materials"]):
        bulk = from_plain(material["structure"])
        if not bulk.is_ordered or is_monolayer_cell(bulk):
            continue
        try:
            cut = monolayers(bulk)
        except NotLayered:
            continue
        for layer in (layer for layer in cut if layer.same_composition and len(layer.structure) <= most):
            facts = {"id": material["material_id"], "space_group": space_group(layer.structure, tolerance=0.1).number}
            yield {**facts, "layer": layer.structure, "bulk": bulk}


def records_of_2dmatpedia() -> Iterator[Doc]:
    """Monolayers that were cut from bulk crystals, with their exfoliation energies."""
    with gzip.open(SHARED_DATA / "2dmatpedia_records.jsonl.gz", "rt") as lines:
        for record in map(json.loads, lines):
            if record["discovery_process"] == "top-down" and record.get("exfoliation_energy_per_atom") is not None:
                layer, known = Structure.from_dict(record["structure"]), record["exfoliation_energy_per_atom"]
                number = space_group(layer, tolerance=0.1).number
                yield {"id": record["material_id"], "layer": layer, "known": known, "space_group": number}


def jarvis() -> dict[str, float]:
    """Exfoliation energy of each formula, the median of those stated, eV/atom."""
    known: dict[str, list[float]] = {}
    with gzip.open(SHARED_DATA / "matbench_jdft2d.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            value = float(row["exfoliation_energy_mev_per_atom"]) / 1000
            known.setdefault(reduced(row["formula"]), []).append(value)
    return {formula: float(np.median(values)) for formula, values in known.items()}


def told_beside_rpa(said: list[Doc]) -> str:
    """Ratios of binding energies per area to those of the random-phase approximation."""
    with Path(__file__).with_name("rpa_binding_energies.csv").open() as file:
        known = {reduced(row["compound"].replace("graphite", "C")): float(row["energy_mev_per_a2"])
                 for row in csv.DictReader(file)}  # fmt: skip
    found: dict[str, float] = {}
    for doc in (doc for doc in said if doc["against"] == BULK and doc["value"] is not None):
        if (formula := reduced(doc["formula"])) in known:
            found[formula] = min(doc["per_area"], found.get(formula, np.inf))
    ratios = np.array([value / known[formula] for formula, value in found.items()])
    order = spearmanr(list(found.values()), [known[formula] for formula in found])[0]
    named = ", ".join(f"{formula} {found[formula]:.0f} ({known[formula]})" for formula in sorted(found))
    low, high = np.quantile(ratios, (0.1, 0.9))
    return (f"beside RPA: n {len(ratios)}, ratio in the median {np.median(ratios):.2f}, "
            f"of eight in ten {low:.2f} to {high:.2f}, Spearman {order:.2f}: {named}")  # fmt: skip


def reduced(formula: str) -> str:
    """The formula as all sources are compared by it."""
    return Composition(formula).reduced_formula


def energies(name: str, *, relax: bool = False, every: int = 1) -> list[Doc]:
    """What a potential says of all layers, or of a sample of those of the handbook against their bulks."""
    potential = known_potentials.potential(name)
    most = MOST_ATOMS.get(name, FEW_ATOMS)
    sides = (BULK,) if relax or every > 1 else (BULK, STACK)
    sample = list(handbook_layers(most))[::every]
    asked = [{**layer, "against": against} for layer in sample for against in sides]
    if name in MOST_ATOMS and len(sides) > 1:
        asked += [{**layer, "against": STACK} for layer in records_of_2dmatpedia() if len(layer["layer"]) <= most]
    said = []
    for start in range(0, len(asked), 16):
        part = asked[start : start + 16]
        bulks = [layer["bulk"] if layer["against"] == BULK else None for layer in part]
        bindings = layer_bindings([one["layer"] for one in part], bulks, potential, relax=relax)
        for layer, binding in zip(part, bindings, strict=True):
            known = {"known": layer["known"]} if "known" in layer else {}
            formula = layer["layer"].composition.reduced_formula
            facts = {"id": layer["id"], "formula": formula, "against": layer["against"], **known}
            facts["space_group"] = layer["space_group"]
            answer = {"value": binding.per_atom, "per_area": binding.per_area, "reason": binding.reason}
            said.append({**facts, **answer})
    return said


def told_beside_records(said: list[Doc]) -> str:
    """Errors of handbook layers against their bulk, beside 2DMatPedia's records of the same formula and space group."""
    known: dict[tuple[str, int], float] = {}
    for layer in records_of_2dmatpedia():
        key = reduced(layer["layer"].composition.reduced_formula), layer["space_group"]
        known[key] = min(layer["known"], known.get(key, np.inf))
    pairs: dict[tuple[str, int], tuple[float, float]] = {}
    for doc in (doc for doc in said if doc["against"] == BULK and "known" not in doc and doc["value"] is not None):
        if (key := (reduced(doc["formula"]), doc["space_group"])) in known:
            pairs[key] = min((doc["value"], known[key]), pairs.get(key, (np.inf, known[key])))
    if len(pairs) < FEW_PAIRS:
        return f"beside records of 2DMatPedia: only {len(pairs)}"
    value, stated = np.array(list(pairs.values())).T
    errors = 1e3 * np.abs(value - stated)
    same = np.mean((value > THRESHOLD) == (stated > THRESHOLD))
    return (f"beside records of 2DMatPedia, formula and space group alike: n {len(errors)}, MAE {errors.mean():.0f} ± "
            f"{errors.std() / len(errors) ** 0.5:.0f}, median {np.median(errors):.0f} meV/atom, Spearman "
            f"{spearmanr(value, stated)[0]:.2f}, same side of {THRESHOLD} {same:.3f}")  # fmt: skip


def told_beside_bulk(said: list[Doc]) -> str:
    """How far layers stacked on themselves lie from the same against their true bulk, by one potential."""
    by_side: dict[str, dict[tuple[str, str], float]] = {BULK: {}, STACK: {}}
    for doc in (doc for doc in said if "known" not in doc and doc["value"] is not None):
        by_side[doc["against"]][doc["id"], doc["formula"]] = doc["value"]
    both = sorted(by_side[BULK].keys() & by_side[STACK].keys())
    if not both:
        return "beside the true bulk: none"
    bulk, stack = (np.array([by_side[side][key] for key in both]) for side in (BULK, STACK))
    errors = 1e3 * np.abs(bulk - stack)
    same = (bulk > THRESHOLD) == (stack > THRESHOLD)
    return (f"stacked on itself beside the true bulk: n {len(both)}, MAE {errors.mean():.1f}, median "
            f"{np.median(errors):.1f} meV/atom, same side of {THRESHOLD} {same.mean():.3f}, "
            f"bulk and no stack {len(by_side[BULK]) - len(both)}")  # fmt: skip


def measured(said: list[list[Doc]], against: str, known: dict[str, float]) -> dict[str, list[tuple[float, ...]]]:
    """Values (mean of the potentials), spreads, known values, eV/atom, and numbers of families; by class of bonding."""
    joined: dict[str, list[tuple[str, float, float, float | None]]] = {}
    numbered = ([(number, doc) for number, doc in enumerate(docs) if doc["against"] == against] for docs in said)
    by_place = [{_place(doc, number): doc for number, doc in docs} for docs in numbered]
    for place, doc in by_place[0].items():
        values = [docs[place]["value"] for docs in by_place if place in docs and docs[place]["value"] is not None]
        if len(values) == len(said):
            one = (doc["formula"], float(np.mean(values)), max(values) - min(values), doc.get("known"))
            joined.setdefault("records" if "known" in doc else "handbook", []).append(one)
    lowest: dict[str, tuple[float, float]] = {}
    for formula, value, spread, _ in joined.get("handbook", []):
        lowest[reduced(formula)] = min((value, spread), lowest.get(reduced(formula), (value, spread)))
    rows = [(formula, *own, known[formula]) for formula, own in lowest.items() if formula in known]
    rows += [(formula, value, spread, own) for formula, value, spread, own in joined.get("records", [])]  # type: ignore[misc]
    families: dict[Any, int] = {}
    by_class: dict[str, list[tuple[float, ...]]] = {}
    for formula, *numbers in rows:
        number = families.setdefault(family(reduced(formula)), len(families))
        by_class.setdefault(bonding_class(Composition(formula).get_el_amt_dict()), []).append((*numbers, number))
    return by_class


def _place(doc: Doc, number: int) -> tuple[str, str, str]:
    return doc["id"], doc["formula"], doc["against"] if "known" not in doc else str(number)


def model_of(rows: list[tuple[float, ...]]) -> ErrorModel:
    """Error model of a class."""
    return error_model(Measured(*np.array(rows).T[:3]).scores)


def told(by_class: dict[str, list[tuple[float, ...]]]) -> dict[str, str]:
    """Figures of merit with standard errors, of all and by class.

    What intervals do is measured on tenths that made none of them, drawn by layer, and by family: same amounts,
    elements of the same groups. A class of few known values is judged by all.
    """
    groups = [group for group, rows in sorted(by_class.items()) for _ in rows]
    table = np.array([row for _, rows in sorted(by_class.items()) for row in rows])
    scores = Measured(*table.T[:3]).scores
    own = np.array([group if len(by_class[group]) >= LEAST else ALL for group in groups])
    rng = np.random.default_rng(0)
    families = table[:, 3].astype(int)
    by_layer, by_family = ends = np.zeros((2, SPLITS, len(table), 2))
    for split in range(SPLITS):
        tenths = rng.permutation(len(table)) % FOLDS, (rng.permutation(families.max() + 1) % FOLDS)[families]
        for held_out, fold in zip(ends, tenths, strict=True):
            for number, (value, spread, _, _) in enumerate(table):
                others = (fold != fold[number]) & (own[number] == ALL or own == own[number])
                model = ErrorModel(conformal_quantile(scores[others]), 0, 0, 0)
                held_out[split, number] = model.interval(value, spread)
    kept = {ALL: np.ones(len(table), bool), **{group: np.array(groups) == group for group in sorted(by_class)}}
    found = {}
    for group, rows in kept.items():
        of_relatives, _ = _covered(table[rows], by_family[:, rows])
        found[group] = f"{_figures(table[rows], by_layer[:, rows])}, by family {of_relatives:.3f}"
    return found


def _covered(table: NDArray[np.float64], ends: NDArray[np.float64]) -> tuple[float, float]:
    """Share of known values within, and its standard error."""
    known = table[:, 2]
    inside = float(((ends[..., 0] <= known) & (known <= ends[..., 1])).mean())
    return inside, float((inside * (1 - inside) / len(table)) ** 0.5)


def _figures(table: NDArray[np.float64], ends: NDArray[np.float64]) -> str:
    value, _, known, _ = table.T
    errors = np.abs(value - known)
    inside, deviation = _covered(table, ends)
    sure = (ends[..., 1] <= THRESHOLD) | (ends[..., 0] > THRESHOLD)
    same_side = (value > THRESHOLD) == (known > THRESHOLD)
    decided, right = sure.mean(), np.broadcast_to(same_side, sure.shape)[sure].mean()
    left = len(errors)
    return (
        f"n {len(errors)}, MAE {1e3 * errors.mean():.0f} ± {1e3 * errors.std() / len(errors) ** 0.5:.0f}, "
        f"median {1e3 * np.median(errors):.0f} meV/atom, Spearman {spearmanr(value, known)[0]:.2f}, "
        f"same side of {THRESHOLD} {same_side.mean():.3f}; "
        f"decided {decided:.3f} ± {(decided * (1 - decided) / left) ** 0.5:.3f}, "
        f"of these right {right:.3f} ± {(right * (1 - right) / decided / left) ** 0.5:.3f}, "
        f"covered {inside:.3f} ± {deviation:.3f}"
    )


def main() -> None:
    """Evaluate, tell, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("potentials", nargs="+")
    parser.add_argument("--keep", type=Path, help="folder that keeps the energies")
    parser.add_argument("--relaxed", action="store_true", help="relax layers and bulks")
    parser.add_argument("--every", type=int, default=1, help="take one of so many layers of the handbook")
    parser.add_argument("--write", action="store_true", help="write the bundled file")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    said = {}
    for name in sorted(asked.potentials):
        how = f"{'-relaxed' if asked.relaxed else ''}{f'-{asked.every}' if asked.every > 1 else ''}"
        kept = asked.keep / f"{name}{how}.json" if asked.keep else None
        if kept is None or not kept.exists():
            said[name] = energies(name, relax=asked.relaxed, every=asked.every)
            if kept is not None:
                kept.write_text(json.dumps(said[name]))
        else:
            said[name] = json.loads(kept.read_text())
        print(f"{name} {told_beside_rpa(said[name])}")
        print(f"{name} {told_beside_records(said[name])}")
        print(f"{name} {told_beside_bulk(said[name])}")
    known = jarvis()
    found: Doc = {}
    for names in (names for size in range(1, len(said) + 1) for names in combinations(sorted(said), size)):
        for against in (BULK, STACK):
            key = exfoliation_errors.key(names, relax=asked.relaxed, against=against)
            by_class = measured([said[name] for name in names], against, known)
            if not by_class:
                continue
            figures = told(by_class)
            by_class[ALL] = [row for rows in by_class.values() for row in rows]
            found[key] = {}
            print(key)
            for group, rows in sorted(by_class.items()):
                if len(rows) >= LEAST:
                    numbers = asdict(model_of(rows))
                    found[key][group] = {name: round(number, 4) for name, number in numbers.items()}
                print(f"    {group}: {figures[group]}; {found[key].get(group, 'as all')}")
    for key, by_class in found.items():  # those that were not measured on 2DMatPedia as well are no surer for it
        if key.endswith(STACK) and HYDROGEN not in by_class:
            told_more = next(one for name, one in found.items() if name.endswith(STACK) and HYDROGEN in one)
            found[key] = {**told_more, **{group: by_class[group] for group in by_class if group != ALL}}
    if asked.write:
        path = Path(exfoliation_errors.__file__).with_name(exfoliation_errors.FILE)
        source = "JARVIS-DFT (matbench_jdft2d, Dunn et al. 2020) and 2DMatPedia (Zhou et al. 2019), both optB88-vdW"
        errors = json.loads(path.read_text())["errors"] | found  # what was measured another time stays
        path.write_text(json.dumps({"known": source, "errors": errors}, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
