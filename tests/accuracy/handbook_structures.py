"""What the template route makes of the formulas of the bundled handbook: size of the cells, place of the known crystal.

A formula counts when another formula of the handbook has the prototype of one of its crystals. It is predicted twice:
from the whole handbook, as a person would ask, and with all its crystals left out, so that none lends its own size or
its own place. Sizes are volumes per atom over those of the known crystal, of several polymorphs the nearest.

    python tests/accuracy/handbook_structures.py [--every 1] [--worst 30] [--csv FILE]
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import pickle
import tempfile
import time
import warnings
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from exfolio.builders.sources.bundled import handbook
from exfolio.models.structure.cells.template_cells import size_of
from exfolio.models.structure.comparison import cell_matching, prototype_index, reduced_cells
from exfolio.models.structure.comparison.matching import Representatives, prepare
from exfolio.models.structure.serialization import from_plain
from exfolio.models.structure.symmetry.symmetry_analysis import space_group
from exfolio.models.structure.templates import NoTemplateError, Prediction, predict
from exfolio.models.structure.templates.library import Template, TemplateLibrary
from pymatgen.core import Structure

SMALL, LARGE = 0.65, 1.8
"""Ratios of volumes per atom outside of which no polymorphs of a compound lie."""
K = 10


@dataclass
class Row:
    """What one prediction of a formula came to."""

    formula: str
    rank: int
    template: str
    share: float | None
    ratio: float
    passed: bool
    known: bool


def load() -> tuple[TemplateLibrary, dict[str, Structure], dict[str, str]]:
    """Read the handbook as a library; structures and types by id."""
    reader = handbook.Handbook()
    documents = [reader.parse(raw)["materials"][0] for raw in reader.records(handbook.TABLE)]
    structures = {doc["material_id"]: from_plain(doc["structure"]) for doc in documents}
    types = {doc["material_id"]: doc["prototype"] for doc in documents}
    files = [Path(module.__file__) for module in (prototype_index, cell_matching, reduced_cells)]
    digest = hashlib.sha256(b"".join(f.read_bytes() for f in (*files, handbook.TABLE, handbook.TYPES))).hexdigest()[:12]
    cache = Path(tempfile.gettempdir()) / f"exfolio-handbook-{digest}.pickle"
    if cache.exists():
        memberships, prototypes = pickle.loads(cache.read_bytes())
    else:
        built, _ = TemplateLibrary.build(list(structures), list(structures.values()))
        memberships = {one.template_id: one.membership for one in built.templates}
        prototypes = built.prototypes
        cache.write_bytes(pickle.dumps((memberships, prototypes)))
    templates = [
        Template(
            name,
            structures[name].composition.reduced_formula,
            membership,
            space_group(structures[name], tolerance=0.1).number,
            3,
            size_of(structures[name], 3),
        )
        for name, membership in memberships.items()
    ]
    return TemplateLibrary(templates, prototypes, structures.__getitem__), structures, types


def targets(library: TemplateLibrary) -> dict[str, list[str]]:
    """Crystals by formula, of the formulas one of whose prototypes another formula has as well."""
    formulas: dict[str, set[str]] = defaultdict(set)
    crystals: dict[str, list[str]] = defaultdict(list)
    for one in library.templates:
        formulas[one.membership.prototype].add(one.formula)
        crystals[one.formula].append(one.template_id)
    return {
        formula: ids
        for formula, ids in crystals.items()
        if any(len(formulas[library[i].membership.prototype]) > 1 for i in ids)
    }


def judged(predictions: list[Prediction], known: list[Structure], formula: str) -> list[Row]:
    """Compare each prediction with the known crystals."""
    own = Representatives((prepare(structure) for structure in known), max_density_ratio=None)
    sizes = np.array([structure.volume / len(structure) for structure in known])
    rows = []
    for rank, one in enumerate(predictions, 1):
        number = own.match(prepare(one.structure))
        size = one.structure.volume / len(one.structure)
        ratios = size / (sizes if number is None else sizes[number : number + 1])
        ratio = float(ratios[np.abs(np.log(ratios)).argmin()])
        rows.append(Row(formula, rank, one.template_id, one.probability, ratio, one.passed, number is not None))
    return rows


def report(name: str, outcomes: dict[str, list[Row]]) -> None:
    """Print the figures of one protocol."""
    everything = [row for rows in outcomes.values() for row in rows]
    firsts_known = [next((row for row in rows if row.known), None) for rows in outcomes.values()]
    places = [0 if row is None else row.rank for row in firsts_known]
    tops = "  ".join(f"top {top} {sum(0 < place <= top for place in places)}" for top in (1, 3, 5, 10))
    print(f"{name}: {len(places)} formulas; known crystal {tops}")
    errors = np.array([abs(row.ratio - 1) for row in firsts_known if row is not None])
    median, most, more = np.quantile(errors, (0.5, 0.9, 0.95))
    print(f"  volume of the known prototype: median error {median:.1%}, 90 % within {most:.1%}, 95 % {more:.1%}")
    for top in (1, 3, K):
        rows = [row for row in everything if row.rank <= top]
        outside = [row for row in rows if not SMALL < row.ratio < LARGE]
        print(
            f"  first {top}: {len(rows)} structures, {sum(row.passed for row in rows)} pass every check; "
            f"{len(outside)} outside {SMALL} to {LARGE} times, {sum(row.passed for row in outside)} of them pass"
        )
    right = [row for row in everything if row.known]
    print(f"  right structures: {sum(row.passed for row in right)} of {len(right)} pass every check")
    firsts = [(row.share, row.known) for row in everything if row.rank == 1 and row.share is not None]
    for low, high in pairwise((0, 0.2, 0.4, 0.6, 0.8, 0.95, 1.001)):
        inside = np.array([pair for pair in firsts if low <= pair[0] < high])
        if len(inside):
            share, found = inside.mean(axis=0)
            print(f"  share {low:.2f} to {high:.2f}: {len(inside)} first ones, mean {share:.2f}, right {found:.2f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="take every nth formula")
    parser.add_argument("--worst", type=int, default=0, help="list the worst volumes that pass every check")
    parser.add_argument("--asked", action="store_true", help="only from the whole handbook")
    parser.add_argument("--left-out", action="store_true", help="only with the crystals of the formula left out")
    parser.add_argument("--csv", type=Path, help="file for a row of each prediction")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    library, structures, types = load()
    wanted = targets(library)
    table: list[list[object]] = []
    for protocol in ("asked", "left out"):
        if (options.asked and protocol != "asked") or (options.left_out and protocol == "asked"):
            continue
        outcomes: dict[str, list[Row]] = {}
        start = time.perf_counter()
        for formula in sorted(wanted)[:: options.every]:
            ids = wanted[formula]
            own = library if protocol == "asked" else library.without(ids)
            try:
                predictions = predict(formula, own, K, dimension=3)
            except NoTemplateError:
                predictions = []
            outcomes[formula] = judged(predictions, [structures[i] for i in ids], formula)
        report(protocol, outcomes)
        print(f"  {time.perf_counter() - start:.0f} s")
        rows = [row for rows in outcomes.values() for row in rows]
        table += [[protocol, *vars(row).values(), types[row.template]] for row in rows]
        worst = sorted((row for row in rows if row.rank <= 3 and row.passed), key=lambda row: -abs(np.log(row.ratio)))
        for row in worst[: options.worst]:
            print(f"    {row.formula:12s} #{row.rank} {row.ratio:5.2f}x  {row.template} ({types[row.template]})")
    if options.csv:
        with options.csv.open("w", newline="") as stream:
            csv.writer(stream).writerows(table)


if __name__ == "__main__":
    main()
