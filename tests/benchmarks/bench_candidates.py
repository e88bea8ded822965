"""Ten thousand layers kept up and judged: time and memory of novelty, of the joining of energies, and of the judge.

Layers are made by exchanging elements in monolayers of the handbook and 2DMatPedia. Their energies are evaluated of a
sample only (CHGNet with D3, stacked on themselves); for the rest numbers of that order are drawn, since what the stages
after do does not depend on where they come from. Then a thousand energies change, nothing does, and a threshold does.

    python tests/benchmarks/bench_candidates.py [candidates] [evaluated]
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from exfolio.builders.candidates.campaigns.campaign_files import parse
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.engine.stage import Stage
from exfolio.builders.properties.potential import known_potentials
from exfolio.builders.properties.potential.layers.layer_energies_stage import BINDING, STACK, layer_method
from exfolio.builders.recipe import stages_of
from exfolio.models.composition.formula.formulas import describe_all
from exfolio.models.potential.layer_binding import layer_bindings
from exfolio.models.structure.serialization import to_plain
from exfolio.models.structure.substitution.same_group_substitution import SubstitutionRules, same_group_substitutions
from exfolio.stores.connection import Connection, connect
from exfolio.stores.documents import Property, ProposedStructure
from exfolio.stores.schema import initialise
from exfolio.stores.settings import load_settings
from pymatgen.core import Structure
from report import peak_memory_mb, seconds

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "accuracy"))
from filled_registry import put
from measure_exfoliation import handbook_layers, records_of_2dmatpedia

POTENTIAL = "chgnet-d3"
CAMPAIGN = """
name: many
dimension: 2
judges: [bottom-up]
exfoliation: {potentials: [chgnet-d3]}
gates:
  - {name: valid structure, field: valid, is: true}
  - {name: novel, field: novel, is: true}
  - {name: formation energy, field: formation_energy, below: 0}
  - {name: exfoliation energy, field: exfoliation_energy, at_most: %s}
  - {name: energy above hull, field: energy_above_hull, at_most: 0.2}
"""
STAGES = ("novelty", "exfoliation-values", "judge")
MOST_ATOMS = 12
AT_ONCE = 1000
Doc = dict[str, Any]


def made() -> Iterator[Structure]:
    """Layers made of known ones by exchanging elements, each composition once."""
    seen: set[str] = set()
    rules = SubstitutionRules(max_elements=4)
    for known in chain(handbook_layers(MOST_ATOMS), records_of_2dmatpedia()):
        if len(known["layer"]) > MOST_ATOMS:
            continue
        for one in same_group_substitutions(known["layer"], rules):
            formula = one.structure.composition.reduced_formula
            if formula not in seen:
                seen.add(formula)
                yield one.structure


def fill(connection: Connection, layers: list[Structure]) -> None:
    """Store layers and energies as the stages before leave them."""
    random = np.random.default_rng(0)
    formulas = [layer.composition.element_composition.formula for layer in layers]
    proposals, properties = [], []
    binding = layer_method(known_potentials.potential(POTENTIAL), relax=False, against=STACK)
    for number, (layer, facts) in enumerate(zip(layers, describe_all(formulas), strict=True)):
        name = f"st-{number:06}"
        described = {"formula_reduced": facts.reduced, "formula_anonymous": facts.anonymous, "chemsys": facts.chemsys}
        about = {"structure_id": name, "route": "bottom-up", "rank": 1, "parent_id": "test", "dimension": 2}
        parts = {"elements": facts.elements, "nelements": facts.nelements, "valid": True}
        proposals.append({**about, **described, **parts, "structure": to_plain(layer)})
        formation, over_bulk, hull = random.normal(-0.6, 0.5), random.gamma(2.0, 0.06), random.gamma(1.5, 0.1)
        for kind, method, value, more in (
            ("formation_energy", "CHGNet 0.3.0 static", formation, {"low": formation - 0.1, "high": formation + 0.1}),
            ("energy_above_hull", "CHGNet 0.3.0 static", hull, {"low": hull - 0.03, "high": hull + 0.03}),
            (BINDING, binding, over_bulk, {"per_area": 300 * over_bulk, "details": {"elements": facts.elements}}),
        ):
            identity = f"{name}/{kind}/{method}"
            fixed = {"property_id": identity, "structure_id": name, "kind": kind, "method": method, "unit": "eV/atom"}
            properties.append({**fixed, "basis": "potential", "value": round(float(value), 5), **more})
    for document, docs in ((ProposedStructure, proposals), (Property, properties)):
        for start in range(0, len(docs), AT_ONCE):
            put(connection, document, docs[start : start + AT_ONCE])


def stages(threshold: float) -> list[Stage]:
    """The campaign's stages that are timed."""
    every = stages_of(parse(CAMPAIGN % threshold, "many.yaml"))
    return [stage for name in STAGES for stage in every if stage.name.startswith(name)]


def run(connection: Connection, what: str, threshold: float = 0.2) -> None:
    """Run them, and say how long each took and what was due."""
    for stage in stages(threshold):
        start, used = time.perf_counter(), time.process_time()
        report = run_stage(stage, connection)
        took, used = time.perf_counter() - start, time.process_time() - used
        print(f"{what}: {stage.name}: {report.due:,} due, {took:.1f} s by the clock, {used:.1f} of the processor")


def main() -> None:
    """Fill, run, change, run."""
    warnings.simplefilter("ignore")
    wanted, evaluated = (int(one) for one in (sys.argv[1:] + ["10000", "32"][len(sys.argv) - 1 :]))
    layers = list(islice(made(), wanted))
    some = layers[:: max(1, len(layers) // max(evaluated, 1))][:evaluated]
    if some:
        potential = known_potentials.potential(POTENTIAL)
        start = time.process_time()
        took = seconds(lambda: layer_bindings(some, [None] * len(some), potential))
        used = time.process_time() - start
        print(f"energies of {len(some)} layers stacked on themselves: {took:.1f} s, {used:.1f} of the processor")
    name = "bench_candidates"
    with connect(load_settings(database=name), autostart="EXFOLIO_MONGO_URI" not in os.environ) as connection:
        connection.client.drop_database(name)
        initialise(connection)
        try:
            fill(connection, layers)
            print(f"{len(layers):,} layers")
            run(connection, "first")
            run(connection, "again")
            changed = {"kind": BINDING, "structure_id": {"$lt": "st-001000"}}
            docs = list(connection.database["properties"].find(changed, {"_id": 0, "facets": 0, "origins": 0}))
            kept = ("property_id", "structure_id", "kind", "method", "unit", "basis", "value", "per_area", "details")
            put(connection, Property, [{key: doc[key] for key in kept} | {"value": doc["value"] + 0.1} for doc in docs])
            run(connection, "1,000 energies changed")
            run(connection, "a threshold changed", 0.15)
            found = connection.database["candidates"].aggregate([{"$group": {"_id": "$status", "n": {"$sum": 1}}}])
            print({doc["_id"]: doc["n"] for doc in found}, f"at most {peak_memory_mb():.0f} MB")
        finally:
            connection.client.drop_database(name)


if __name__ == "__main__":
    main()
