"""Gathers what a phase diagram or a Pourbaix diagram is drawn of: the phases of a chemical system by one method.

Reads what stages have written and writes nothing; `diagrams` makes figures of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...models.calculation.methods import potential_of, settings_of, without_settings
from ...models.composition.formula.chemists_formula import chemists_formula
from ...models.composition.formula.elements import ATOMIC_NUMBERS
from ...models.composition.formula.single_formula import read_one
from ...models.energetics.corrections.schemes import Scheme
from ...models.energetics.diagrams.phase_diagram import DiagramPhase
from ...models.energetics.formation import element_references, formation_energies
from ...models.energetics.hull import Entry
from ...stores.connection import Connection
from ...stores.documents import ReferenceEntry
from ...stores.documents.base import labelled
from ...stores.errors import ConfigurationError
from ...stores.query.lookup import StoredDocument, find_document
from ..candidates.best_values import most_trusted
from ..candidates.campaigns.ranking import BASES
from ..engine.batches import Doc
from ..engine.selection.chemical_system_stage import first_principles_entries, parts
from ..engine.selection.group_stage import Members
from ..properties.hulls.hull_entries import phases, snapshot
from ..properties.hulls.known_hull_stage import KNOWN_FORMATION, family, known_by_family, snapshot_of_known
from ..properties.hulls.phase import Phase, Phases
from ..properties.hulls.reference_structures import add_structures
from ..properties.hulls.usable_calculations import USABLE_FIELDS
from ..properties.potential import known_potentials
from ..properties.potential.formation_errors import FormationErrors

if TYPE_CHECKING:
    from ...models.potential.interface import Potential

_CALCULATION_FIELDS: Final = (
    *("calculation_id", "chemsys", "composition", "formula_reduced", "energy", "energy_per_atom", "functional"),
    *("hubbards", "potcar_symbols", "structure", "structure_id", *USABLE_FIELDS),
)


class NoDiagram(ConfigurationError):
    """Nothing can be drawn: says what is missing, and how to get it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a diagram is asked of.

    Attributes
    ----------
    elements
        The chemical system.
    formula, energy
        Of the structure it is about: reduced formula and formation energy in eV/atom; None for a bare system.
    method, basis
        How that energy was got, as its property says.
    low, high
        Ends of its interval, where it has them.
    """

    elements: tuple[str, ...]
    formula: str | None = None
    energy: float | None = None
    method: str | None = None
    basis: str | None = None
    low: float | None = None
    high: float | None = None

    @property
    def phase(self) -> DiagramPhase | None:
        """The structure as a phase of a diagram."""
        if self.formula is None or self.energy is None:
            return None
        return DiagramPhase(self.formula, read_one(self.formula), self.energy, ours=True)


@dataclass(frozen=True, slots=True)
class SystemPhases:
    """The phases of a chemical system by one method, known ones and ours, and where they come from."""

    phases: list[DiagramPhase]
    method: str
    snapshot: str

    @property
    def compounds(self) -> list[DiagramPhase]:
        """Phases of two and more elements."""
        return [phase for phase in self.phases if len(phase.composition) > 1]


def asked_about(connection: Connection, name: str) -> Asked:
    """Find out what a diagram is asked of.

    Parameters
    ----------
    name
        A chemical system such as ``Fe-Li-O``, or the id of a candidate, a structure, or a known material.

    Raises
    ------
    NoDiagram
        It is no such thing, or its formation energy is not known.
    NoSuchDocument
        No document has the id.
    """
    symbols = name.split("-")
    if all(symbol in ATOMIC_NUMBERS for symbol in symbols):
        return Asked(tuple(sorted(set(symbols))))
    stored = find_document(connection, name)
    document = stored.document
    if stored.collection == "materials":
        return _of_material(stored)
    structure_id = document.get("structure_id")
    if stored.collection not in ("candidates", "structures") or not structure_id:
        raise NoDiagram(
            f"{stored.key} is in {stored.collection}: a diagram is drawn of a chemical system or about a structure",
            "Give a system such as Fe-Li-O, or the id of a candidate, a structure or a known material.",
        )
    query = {
        "structure_id": structure_id,
        "kind": "formation_energy",
        "deprecated": False,
        "value": {"$type": "number"},
    }
    energies = [doc for doc in connection.database["properties"].find(query) if doc.get("basis") in BASES]
    if not energies:
        raise NoDiagram(
            f"no formation energy of {structure_id} ({chemists_formula(document['formula_reduced'])}) is known",
            "exfolio refresh computes it from calculations and known materials; exfolio show ID says what keeps it.",
        )
    best = most_trusted(energies)
    elements = tuple(sorted(document["elements"]))
    ends = best.get("low"), best.get("high")
    return Asked(elements, document["formula_reduced"], best["value"], best["method"], best["basis"], *ends)


def _of_material(stored: StoredDocument) -> Asked:
    document = stored.document
    elements = tuple(sorted(document["chemsys"].split("-")))
    energy, method = document.get("formation_energy"), (document.get("methods") or {}).get("formation_energy")
    if energy is None or method is None:  # its reference entry is a phase of the diagram anyway
        return Asked(elements)
    return Asked(elements, document["formula_reduced"], energy, method, "same-structure")


def first_principles_phases(connection: Connection, systems: Iterable[str], scheme: Scheme) -> Phases:
    """Reference entries and usable calculations of chemical systems, corrected.

    Parameters
    ----------
    connection
        The registry.
    systems
        Chemical systems.
    scheme
        Correction scheme of their energies.
    """
    references = _read(connection, first_principles_entries("adjustments"), systems)
    query = {"chemsys": {"$in": sorted(systems)}, "deprecated": False}
    fields = {"_id": 0, **dict.fromkeys(_CALCULATION_FIELDS, 1)}
    calculations = list(connection.database["calculations"].find(query, fields).sort("calculation_id", 1))
    add_structures(connection.database, references, calculations, scheme)
    corrected = phases(references, calculations, scheme, check_potcar=True)
    for method, ours in corrected.ours.items():  # of known materials there are entries; their runs are not drawn
        corrected.ours[method] = [phase for phase in ours if phase.doc.get("structure_id")]
    return corrected


def known_materials(connection: Connection, systems: Iterable[str]) -> dict[str, list[Doc]]:
    """Known materials of chemical systems that have a formation energy, by method family."""
    return known_by_family(_read(connection, KNOWN_FORMATION, systems))


def systems_within(connection: Connection, elements: Iterable[str], collection: str) -> list[str]:
    """Chemical systems of a collection that are made of these elements only."""
    return parts(elements, set(connection.database[collection].distinct("chemsys", {"deprecated": False})))


def system_phases(connection: Connection, asked: Asked, scheme: Scheme = Scheme.MP2020) -> SystemPhases:
    """Phases of the system asked about, by the method of the structure asked about.

    Of a bare system the reference entries are taken, else known formation energies, else the potential's entries: the
    first of these that candidates have energies by, where some are proposed for all of its elements.

    Raises
    ------
    NoDiagram
        There are none by that method, or an element has no reference.
    """
    ways: dict[str, Callable[[], SystemPhases | None]] = {
        "calculation": lambda: _by_first_principles(connection, asked, scheme),
        "potential": lambda: _by_potential(connection, asked),
        "known": lambda: _by_known(connection, asked),
    }
    if asked.basis is not None:
        tried = [ways.get(asked.basis, ways["known"])]
    else:
        tried = [ways["calculation"], ways["known"], ways["potential"]]
    proposed = asked.basis is None and _any_proposed(connection, asked.elements)
    found: list[SystemPhases] = []
    for way in tried:
        if (diagram := way()) is None:
            continue
        found.append(diagram)
        if diagram.compounds and (not proposed or any(phase.ours for phase in diagram.phases)):
            return diagram
    if found:
        return max(found, key=lambda diagram: bool(diagram.compounds))  # the first that is more than elements
    by = f" by {asked.method}" if asked.method else ""
    raise NoDiagram(
        f"no energies of {'-'.join(asked.elements)}{by} are stored that a hull could be made of",
        "Ingest the entries of the system, its elements included: exfolio ingest entries.json --kind entries, or "
        "exfolio ingest --kind materials-project --chemsys "
        f"{'-'.join(asked.elements)} (see docs/sources.md).",
    )


def _any_proposed(connection: Connection, elements: Iterable[str]) -> bool:
    mine = {"chemsys": "-".join(sorted(elements)), "deprecated": False}
    return connection.database["structures"].find_one(mine, {"_id": 1}) is not None


def _by_first_principles(connection: Connection, asked: Asked, scheme: Scheme) -> SystemPhases | None:
    systems = systems_within(connection, asked.elements, "reference_entries")
    competing = first_principles_phases(connection, systems, scheme)
    usable = {
        method: listed
        for method, listed in competing.references.items()
        if not set(asked.elements) - element_references(_entries(listed)).keys()
    }
    if asked.method is not None and without_settings(asked.method) in usable:
        method = without_settings(asked.method)
    elif asked.method is None and usable:
        method = max(sorted(usable), key=lambda method_name: len(usable[method_name]))
    else:
        return None
    references = usable[method]
    ours = competing.ours.get(method, [])
    energies = formation_energies(_entries([*references, *ours]), _entries(references)).tolist()
    drawn = [
        DiagramPhase(phase.doc["formula_reduced"], phase.doc["composition"], energy, "calculation_id" in phase.doc)
        for phase, energy in zip([*references, *ours], energies, strict=True)
    ]
    return SystemPhases(drawn, method, snapshot(references))


def _by_known(connection: Connection, asked: Asked) -> SystemPhases | None:
    by_family = known_materials(connection, systems_within(connection, asked.elements, "materials"))
    if asked.method is not None:
        name = family(asked.method)
    elif by_family:
        name = max(sorted(by_family), key=lambda family_name: len(by_family[family_name]))
    else:
        return None
    known = by_family.get(name, [])
    if not known:
        return None
    drawn = [
        DiagramPhase(doc["formula_reduced"], read_one(doc["formula_reduced"]), doc["formation_energy"]) for doc in known
    ]
    return SystemPhases(drawn, name, snapshot_of_known(known))


def _by_potential(connection: Connection, asked: Asked) -> SystemPhases | None:
    systems = systems_within(connection, asked.elements, "reference_entries")
    found = potential_energies(connection, systems, asked.elements, asked.method)
    if found is None:
        return None
    drawn = [DiagramPhase(doc["formula_reduced"], doc["composition"], energy) for doc, energy in found.energies]
    ours = _proposed(connection, asked, found.method)
    return SystemPhases([*drawn, *ours], found.method, f"{len(drawn)} known materials")


def _proposed(connection: Connection, asked: Asked, method: str) -> list[DiagramPhase]:
    """Proposed structures of the system whose formation energy is by the same method."""
    systems = systems_within(connection, asked.elements, "structures")
    found = connection.database["structures"].find(
        {"chemsys": {"$in": systems}, "deprecated": False}, {"_id": 0, "structure_id": 1, "formula_reduced": 1}
    )
    formulas = {doc["structure_id"]: doc["formula_reduced"] for doc in found}
    wanted = {"structure_id": {"$in": sorted(formulas)}, "kind": "formation_energy", "method": method}
    energies = connection.database["properties"].find(
        {**wanted, "deprecated": False, "value": {"$type": "number"}}, {"_id": 0, "structure_id": 1, "value": 1}
    )
    named = sorted((formulas[doc["structure_id"]], doc["value"]) for doc in energies)
    return [DiagramPhase(formula, read_one(formula), energy, ours=True) for formula, energy in named]


@dataclass(frozen=True, slots=True)
class PotentialEnergies:
    """Reference entries with their formation energies by a potential (eV/atom), and the method, the same for all.

    `errors` are those that its energies were measured to have.
    """

    method: str
    energies: list[tuple[Doc, float]]
    errors: FormationErrors


def potential_energies(
    connection: Connection, systems: Iterable[str], elements: Collection[str], method: str | None
) -> PotentialEnergies | None:
    """Formation energies of the known materials of chemical systems by a potential.

    Parameters
    ----------
    connection
        The registry.
    systems
        Chemical systems.
    elements
        All elements that occur in them.
    method
        How the energies were taken, as a property names it; that of which there are some without.

    Returns
    -------
    PotentialEnergies
        None where there are no energies, or none of an element.
    """
    query = {
        "scheme": {"$in": list(ReferenceEntry.AS_TAKEN)},
        "deprecated": False,
        "chemsys": {"$in": sorted(systems)},
    }
    stored = list(connection.database["reference_entries"].find(query, {"_id": 0, "structure": 0}))
    for potential in _potentials(method, {doc["functional"] for doc in stored}):
        own = [doc for doc in stored if doc["functional"] == potential.name]
        taken = method or f"{potential.name} {min(doc['scheme'] for doc in own)}"
        scheme = without_settings(taken).removeprefix(f"{potential.name} ")
        settings = _settings_of_values(connection, potential, scheme, settings_of(taken))
        docs = [doc for doc in own
                if (doc["scheme"], doc.get("settings", "")) == (scheme, settings.get("of_references", ""))]  # fmt: skip
        if docs and (found := _by_one_potential(docs, elements, potential, taken, settings)) is not None:
            return found
    return None


def _settings_of_values(connection: Connection, potential: Potential, scheme: str, label: str) -> Doc:
    """What the stage is told that compares with these entries: limits of relaxations, and the label of the entries."""
    from ..properties.potential.potential_stage import stage_name  # torch comes with it

    name = labelled(stage_name("values", potential, relax=scheme == ReferenceEntry.AS_TAKEN[True]), label)
    state = connection.database["stage_states"].find_one({"stage": name}, {"maker.arguments": 1}) or {}
    settings: Doc = state.get("maker", {}).get("arguments", {})
    return settings


def _potentials(method: str | None, with_entries: Collection[str]) -> Iterator[Potential]:
    """Potentials that have entries, the default first; of a method only the one that it is by."""
    for name in known_potentials.names():
        with suppress(ConfigurationError):  # a package's that can't be used: a refresh says so
            potential = known_potentials.potential(name)
            if potential.name in with_entries and (method is None or potential_of(method) == potential.name):
                yield potential


def _by_one_potential(
    docs: list[Doc], elements: Collection[str], potential: Potential, method: str, settings: Doc
) -> PotentialEnergies | None:
    # torch comes with it
    from ..properties.potential.element_energies import believed, reference_elements

    limits = {name: settings[name] for name in ("max_steps", "force_tolerance") if name in settings}
    relax = docs[0]["scheme"] == ReferenceEntry.AS_TAKEN[True]
    docs = believed(docs, potential)
    pure = [
        Entry(doc["composition"], doc["energy_per_atom"], doc["entry_id"], method)
        for doc in reference_elements("-".join(sorted(elements)), potential, relax=relax, **limits)
    ]
    entries = [Entry(doc["composition"], doc["energy_per_atom"], doc["entry_id"], method) for doc in docs]
    if set(elements) - element_references([*entries, *pure]).keys():
        return None
    energies = formation_energies(entries, [*entries, *pure]).tolist()
    return PotentialEnergies(
        method, list(zip(docs, energies, strict=True)), FormationErrors(potential.slug, relax=relax)
    )


def _entries(listed: Iterable[Phase]) -> list[Entry]:
    return [phase.entry for phase in listed if phase.entry]


def _read(connection: Connection, source: Members, systems: Iterable[str]) -> list[Doc]:
    query = {"chemsys": {"$in": sorted(systems)}, "deprecated": False, **source.criteria}
    fields = (source.document.KEY, "chemsys", "content_hash", *source.fields)
    docs = connection.database[source.collection].find(query, {"_id": 0, **dict.fromkeys(fields, 1)})
    return list(docs.sort(source.document.KEY, 1))
