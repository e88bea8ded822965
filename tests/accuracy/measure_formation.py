"""Measure the errors of formation energies and hull distances by a potential, and write what intervals are made of.

Formation energies are compared with measured enthalpies: of the bundled handbook's crystals, and of the compounds that
the Materials Project's corrections are fitted to. Distances to hulls, whose thresholds are stated for PBE's, are
compared with the Materials Project's: of the handbook's crystals by the lowest energy of their composition, and of the
entries of Mn-O and Fe-Li-O-P (PBE(+U), MP2020); both hulls are made of the same phases. The potentials have learnt
from the Materials Project, so these errors are of data that they know; beside them stand those of distances by
enthalpies. Least decomposition energies in water are compared with those by enthalpies. What stands in
``formation_errors.json`` is made by

    python tests/accuracy/measure_formation.py chgnet --relax 60 --keep FOLDER --write
    python tests/accuracy/measure_formation.py sevennet-0 --keep FOLDER --write

FOLDER keeps the energies; of each source so many structures are relaxed as well. What the file holds of other
potentials stays.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from exfolio.builders.properties.potential import formation_errors, known_potentials
from exfolio.builders.properties.potential.element_energies import believed, reference_elements
from exfolio.builders.properties.potential.formation_errors import (
    ALL,
    IN_WATER,
    anion_class,
    anion_classes,
    class_of_distance,
    class_taken,
)
from exfolio.builders.properties.pourbaix_solids import lowest_of_each, solids_in_water
from exfolio.builders.sources.reader_kinds import reader_for
from exfolio.models.energetics.formation import element_references, formation_energies
from exfolio.models.energetics.hull import Entry, hull_positions
from exfolio.models.energetics.ions import MissingReferenceSolidError, bundled_ions
from exfolio.models.energetics.pourbaix import PourbaixError, minimum_decomposition_energy, solid_entry
from exfolio.models.energetics.pourbaix_entries import OPEN, entries_with_ions
from exfolio.models.energetics.reliability.error_intervals import error_model
from exfolio.models.potential.interface import Potential
from exfolio.models.potential.relaxation import FORCE_TOLERANCE
from exfolio.models.structure.serialization import from_plain
from exfolio.models.structure.vacuum import is_monolayer_cell
from pymatgen.core import Composition, Structure
from pymatgen.entries.computed_entries import ComputedStructureEntry

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
MOST_ATOMS = {False: 20, True: 8}
MOST_ATOMS_OF_ELEMENTS = 60
LEAST = 50
"""Known values of a class, below which it is judged by all: five lie beyond the quantile then. Of fewer it is made by
one or two crystals that a relaxation led to another phase (MnO2, 1 eV/atom below where DFT left it)."""
FEW = 25
"""Known values of a class, from which on its interval is no narrower than they ask for, whosever errors it takes."""
CORRECTED_OTHERWISE = {"S": 0.160, "Br": -0.534, "I": -0.379, "Se": -0.472, "Te": -0.422}
"""eV per atom that MP2020's corrections of anions (A. Wang et al., Sci. Rep. 11, 15496 (2021)) lie above those of the
scheme before it, that of Matbench's values, which had -0.663 for sulfides and none for the others. With them the mean
deviation of CHGNet from Matbench is 0.039 instead of 0.148 eV/atom in halides, 0.045 instead of 0.081 in chalcogenides
(by S alone)."""
IONS = bundled_ions()
Doc = dict[str, Any]


def handbook() -> Iterator[Doc]:
    """Crystals of the handbook, with measured enthalpies in eV/atom; those of phosphides refer to white phosphorus."""
    reader = reader_for("handbook")
    for record in (record for path in reader.files() for record in reader.records(path)):
        for material in reader.parse(record)["materials"]:
            structure = from_plain(material["structure"])
            if structure.is_ordered and not is_monolayer_cell(structure):
                enthalpy = None if "P" in material["elements"] else material.get("formation_energy")
                yield {"id": material["material_id"], "structure": structure, "enthalpy": enthalpy}


def corrected() -> Iterator[Doc]:
    """Computed compounds that the corrections are fitted to, with measured enthalpies, eV/atom."""
    measured = {row["formula"]: row["exp energy"] for row in _read("exp_formation_energies.json.gz")}
    for formula, entry in _read("mp_calc_compounds.json.gz").items():
        composition = Composition(formula)
        if formula in measured and "P" not in composition.get_el_amt_dict():
            structure = Structure.from_dict(entry["structure"])
            enthalpy = measured[formula] / composition.num_atoms
            yield {"id": entry["entry_id"], "structure": structure, "enthalpy": enthalpy}


def entries(system: str) -> Iterator[Doc]:
    """Entries of the Materials Project with corrected energies, eV/atom."""
    for entry in (ComputedStructureEntry.from_dict(plain) for plain in _read(f"mp_entries_{system}.json.gz")):
        yield {"id": entry.entry_id, "structure": entry.structure, "energy": entry.energy_per_atom}


def _read(name: str) -> Any:
    with gzip.open(SHARED_DATA / name, "rt") as file:
        return json.load(file)


SOURCES = {
    "handbook": handbook,
    "corrected": corrected,
    "Mn-O": lambda: entries("Mn-O"),
    "Fe-Li-O-P": lambda: entries("Fe-Li-O-P"),
}


def energies(name: str, source: str, *, relax: bool, most: int | None) -> list[Doc]:
    """What the potential says of the phases of a source."""
    potential = known_potentials.potential(name)
    docs = list(SOURCES[source]())
    compounds = [doc for doc in docs if len(_elements(doc)) > 1 and len(doc["structure"]) <= MOST_ATOMS[relax]]
    if most is not None and len(compounds) > most:
        chosen = sorted(np.random.default_rng(0).permutation(len(compounds))[:most])
        compounds = [compounds[number] for number in chosen]
    present = {symbol for doc in compounds for symbol in _elements(doc)}
    asked = [*compounds, *_references(docs, present)]
    structures = [doc["structure"] for doc in asked]
    if relax:
        results: Any = potential.relax(structures, monolayer=False, max_steps=200, force_tolerance=FORCE_TOLERANCE)
    else:
        results = potential.evaluate(structures, forces=False)
    said = []
    for doc, result in zip(asked, results, strict=True):
        if result.energy_per_atom is not None and not getattr(result, "doubts", ()):
            composition = doc["structure"].composition.get_el_amt_dict()
            facts = {key: value for key, value in doc.items() if key != "structure"}
            said.append({**facts, "composition": composition, "value": result.energy_per_atom})
    symbols = sorted({symbol for doc in said for symbol in doc["composition"]})
    crystals = reference_elements("-".join(symbols), potential, relax=relax)
    elements = [{"id": doc["entry_id"], "composition": doc["composition"], "value": doc["energy_per_atom"]}
                for doc in crystals]  # fmt: skip
    return [*said, *elements]


def _references(docs: list[Doc], present: set[str]) -> Iterator[Doc]:
    """Elements, some of which have large cells; of those whose energies are known the lowest of each."""
    given = [doc for doc in docs if len(_elements(doc)) == 1 and len(doc["structure"]) <= MOST_ATOMS_OF_ELEMENTS]
    for symbol in sorted(present):
        crystals = [doc for doc in given if _elements(doc) == {symbol}]
        lowest = sorted((doc for doc in crystals if "energy" in doc), key=lambda doc: doc["energy"])
        yield from lowest[:1] or crystals


def _elements(doc: Doc) -> set[str]:
    return set(doc["structure"].composition.get_el_amt_dict())


def formed(said: list[Doc], potential: Potential) -> list[Doc]:
    """Compounds with their formation energies by the potential, against elements that are believed."""
    phases = believed([{**doc, "energy_per_atom": doc["value"]} for doc in said], potential)
    references = [Entry(doc["composition"], doc["value"]) for doc in phases]
    lowest = element_references(references)
    compounds = [doc for doc in phases if len(doc["composition"]) > 1 and doc["composition"].keys() <= lowest.keys()]
    energies = formation_energies([Entry(doc["composition"], doc["value"]) for doc in compounds], references)
    return [{**doc, "formed": float(energy)} for doc, energy in zip(compounds, energies, strict=True)]


def matbench() -> dict[str, float]:
    """Lowest formation energy of each formula by the Materials Project, eV/atom, anions corrected as in MP2020."""
    lowest: dict[str, float] = {}
    with gzip.open(SHARED_DATA / "matbench_mp_e_form.csv.gz", "rt") as file:
        for formula, energy in csv.reader(file):
            if energy[-1:].isdigit():
                reduced = Composition(formula).reduced_formula
                lowest[reduced] = min(float(energy), lowest.get(reduced, np.inf))
    return {formula: energy + _added(Composition(formula)) for formula, energy in lowest.items()}


def _added(composition: Composition) -> float:
    oxidised = {"O", "F"} & composition.get_el_amt_dict().keys()
    anions = {"Br", "I"} if oxidised else CORRECTED_OTHERWISE.keys()
    return sum(CORRECTED_OTHERWISE[symbol] * composition.get_atomic_fraction(symbol) for symbol in anions)


def formation_errors_of(compounds: list[Doc], by: str) -> dict[str, list[float]]:
    """Errors of formation energies by class, of formulas once, beside those of that name."""
    errors: dict[str, list[float]] = {}
    for doc in {Composition(doc["composition"]).reduced_formula: doc for doc in compounds}.values():
        errors.setdefault(anion_class(doc["composition"]), []).append(doc["formed"] - doc[by])
    return errors


def distance_errors(compounds: list[Doc], name: str) -> dict[str, list[float]]:
    """Errors of distances to the hull of the other phases, by what competes, of formation energies of that name."""
    symbols = sorted({symbol for doc in compounds for symbol in doc["composition"]})
    elements = [{"id": symbol, "composition": {symbol: 1.0}, "formed": 0.0, name: 0.0} for symbol in symbols]
    phases = {doc["id"]: doc for doc in [*elements, *compounds]}
    errors: dict[str, list[float]] = {}
    for doc in compounds:
        others = [other for other in phases.values()
                  if other is not doc and other["composition"].keys() <= doc["composition"].keys()]  # fmt: skip
        ours, known = (
            hull_positions([_entry(doc, by)], [_entry(other, by) for other in others])[0] for by in ("formed", name)
        )
        competing = [phases[product.name]["composition"] for product in ours.products]
        group = class_of_distance(doc["composition"], competing)
        errors.setdefault(group, []).append(ours.energy - known.energy)
    return errors


def _entry(doc: Doc, by: str) -> Entry:
    return Entry(doc["composition"], doc[by], doc["id"])


def water_errors(compounds: list[Doc]) -> list[float]:
    """Errors of least decomposition energies into the other phases in water, beside those by enthalpies."""
    columns: dict[str, dict[str, float]] = {by: {} for by in ("formed", "enthalpy")}
    for by, solids in columns.items():
        known = lowest_of_each((Composition(doc["composition"]).reduced_formula, doc[by]) for doc in compounds)
        elements = {symbol: 0.0 for doc in compounds for symbol in doc["composition"] if symbol not in OPEN}
        solids.update(solids_in_water({**elements, **known}))
    errors = []
    for formula in sorted(columns["formed"].keys() & columns["enthalpy"].keys()):
        metals = frozenset(Composition(formula).get_el_amt_dict()) - OPEN
        if len(Composition(formula)) > 1 and all(any(metal in ion.elements for ion in IONS) for metal in metals):
            with suppress(MissingReferenceSolidError, PourbaixError):  # the sources lack a solid that ions stand at
                ours, known = (_least_in_water(formula, solids, metals) for solids in columns.values())
                errors.append(ours - known)
    return errors


def _least_in_water(formula: str, solids: dict[str, float], metals: frozenset[str]) -> float:
    others = [entry for entry in entries_with_ions(solids, IONS, metals) if entry.name != f"{formula}(s)"]
    return minimum_decomposition_energy(others, solid_entry(formula, solids[formula])).energy


def against_entries(said: list[Doc]) -> dict[str, list[float]]:
    """Errors of distances of the Materials Project's entries."""
    given = [doc for doc in said if "energy" in doc]
    elements = {symbol: min((doc for doc in given if doc["composition"].keys() == {symbol}),
                            key=lambda doc: doc["energy"], default=None)
                for doc in given for symbol in doc["composition"]}  # fmt: skip
    if None in elements.values():
        return {}
    compounds = []
    columns = ("value", "energy")
    for doc in (doc for doc in given if len(doc["composition"]) > 1):
        shares = Composition(doc["composition"]).fractional_composition.get_el_amt_dict()
        ours, theirs = (
            doc[by] - sum(share * elements[symbol][by] for symbol, share in shares.items()) for by in columns
        )
        compounds.append({**doc, "formed": ours, "theirs": theirs})
    return distance_errors(compounds, "theirs")


def measured(said: dict[str, list[Doc]], potential: Potential) -> dict[str, tuple[dict[str, list[float]], ...]]:
    """Errors, eV/atom: of formation energies, of distances, of distances by enthalpies; each by class."""
    crystals = formed([*said["corrected"], *said["handbook"]], potential)
    with_enthalpy = [doc for doc in crystals if doc.get("enthalpy") is not None]
    known = matbench()
    lowest: dict[str, Doc] = {}
    for doc in sorted(crystals, key=lambda doc: -doc["formed"]):
        formula = Composition(doc["composition"]).reduced_formula
        if formula in known:
            lowest[formula] = {**doc, "known": known[formula]}
    distances = distance_errors(list(lowest.values()), "known")
    for source in ("Mn-O", "Fe-Li-O-P"):
        for kind, errors in against_entries(said.get(source, [])).items():
            distances.setdefault(kind, []).extend(errors)
    for group in anion_classes():  # enthalpies tell more of distances to elements alone
        distances.pop(group, None)
    once = {Composition(doc["composition"]).reduced_formula: doc for doc in with_enthalpy}
    return {
        "formation energies": formation_errors_of(with_enthalpy, "enthalpy"),
        "formation energies by DFT, not used": formation_errors_of(list(lowest.values()), "known"),
        "distances": distances,
        "distances by enthalpies, not used": distance_errors(list(once.values()), "enthalpy"),
        IN_WATER: {IN_WATER: water_errors(list(once.values()))},
    }


def figures(errors: list[float]) -> str:
    """Figures of merit."""
    sizes = np.abs(errors)
    return (
        f"n {len(sizes)}, MAE {sizes.mean():.3f} ± {sizes.std() / len(sizes) ** 0.5:.3f}, "
        f"bias {np.mean(errors):+.3f}, median {np.median(sizes):.3f}, 90 % {np.quantile(sizes, 0.9):.3f} eV/atom"
    )


def described(models: dict[str, list[float]]) -> Doc:
    """What is stored of the errors of each class."""
    return {
        group: {name: round(number, 4) for name, number in asdict(error_model(np.abs(errors))).items()}
        for group, errors in models.items()
    }


def main() -> None:
    """Evaluate, tell, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("potential")
    parser.add_argument("--keep", type=Path, required=True, help="folder that keeps the energies")
    parser.add_argument("--relax", type=int, help="structures of each source that are relaxed too")
    parser.add_argument("--write", action="store_true", help="write the bundled file")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    potential = known_potentials.potential(asked.potential)
    found: Doc = {}
    for relax in (False, True) if asked.relax else (False,):
        said = {}
        for source in SOURCES:
            kept = asked.keep / f"{asked.potential}-{source}-{'relaxed' if relax else 'static'}.json"
            if not kept.exists():
                most = asked.relax if relax else None
                kept.write_text(json.dumps(energies(asked.potential, source, relax=relax, most=most)))
            said[source] = json.loads(kept.read_text())
        key = formation_errors.key(asked.potential, relax=relax)
        print(key)
        models: Doc = {}
        few: Doc = {}
        for what, by_class in measured(said, potential).items():
            everything = [error for errors in by_class.values() for error in errors]
            if not everything:
                continue  # the few that were relaxed hold none
            print(f"  {what}: {figures(everything)}")
            for group, errors in sorted(by_class.items()):
                print(f"    {group}: {figures(errors)}")
                if len(errors) >= FEW and "not used" not in what:
                    (models if len(errors) >= LEAST else few)[group] = errors
            if what == "formation energies":
                models[ALL] = everything
        # too few were relaxed to tell errors of all classes from those of structures as they stand
        found[key] = {**found.get(formation_errors.key(asked.potential, relax=False), {}), **described(models)}
        found[key] |= {
            group: model
            for group, model in described(few).items()
            if model["quantile"] > found[key][class_taken(group, found[key])]["quantile"]
        }
        print(json.dumps(found[key], indent=1))
    if asked.write:
        path = Path(formation_errors.__file__).with_name(formation_errors.FILE)
        known = "formation, in water: measured enthalpies; distances: the Materials Project, which they learnt from"
        errors = json.loads(path.read_text())["errors"] | found
        path.write_text(json.dumps({"known": known, "errors": errors}, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
