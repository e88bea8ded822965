"""Stage `potential-values`: what energies by a potential mean: formation, exfoliation, distance to its own hull.

Every energy that is compared comes from the same potential, taken the same way; a new reference entry makes due the
chemical systems that contain its own, and no others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import ClassVar

from ....models.composition.formula.chemical_systems import sub_systems
from ....models.energetics.exfoliation import LayeredCalculation, exfoliation_energy
from ....models.energetics.formation import element_references, formation_energies
from ....models.energetics.hull import Entry, MissingReferenceError, energy_above_hull, hull_positions
from ....models.energetics.reliability.error_intervals import COVERAGE, ErrorModel
from ....models.potential.interface import Potential
from ....models.potential.relaxation import FORCE_TOLERANCE
from ....stores.canonical import content_hash
from ....stores.documents import Property, ReferenceEntry, TrainedModel
from ....stores.documents.base import labelled
from ...engine.batches import Batch, Doc, Item, Outcome
from ...engine.channels import Channel
from ...engine.selection.group_members import Members
from ...engine.selection.group_stage import GroupStage
from ..hulls.anion_scale import corrected_anions
from ..hulls.hull_depth import depths
from ..hulls.known_hull_stage import known_by_family
from ..hulls.limits import (
    KNOWN_MATERIALS,
    Completeness,
    Depth,
    completeness,
    layers_among,
    limited_by_dispersion,
    limited_distance,
)
from ..hulls.set_free import set_free
from . import known_potentials
from .element_energies import believed, deviations, reference_elements, why_none
from .error_models import from_plain_errors, own_models, used_of
from .formation_errors import KIND as ERRORS
from .formation_errors import NEVER_MEASURED, FormationErrors, anion_class, class_of_distance, model_id
from .known_potentials import DEFAULT
from .potential_stage import DIGITS, KIND, by_name, entries_of, entry_id, method_name, not_installed, stage_name

_KNOWN = replace(KNOWN_MATERIALS, fields=(*KNOWN_MATERIALS.fields, "formation_energy", "methods"))
"""Known bulk materials, with what tells how deep a hull of all of them would be."""
_ON_A_HULL = ("formation_energy", "energy_above_hull")


class PotentialValuesStage(GroupStage):
    """Writes formation energy, exfoliation energy and energy above the hull of structures by their energies.

    Formation energies and distances have the interval that the errors of the potential leave them.

    Parameters
    ----------
    relax
        Whether the energies are of relaxed structures.
    potential
        Name of the potential.
    max_steps, force_tolerance
        Limits of the relaxation of elements, as those of all that they are compared with.
    label, of_energies, of_references
        Labels of the settings: its own, and those of what it reads.
    """

    version = 18
    groups_per_batch = 50
    writes: ClassVar = {Property: "value"}
    writes_kinds = ("formation_energy", "exfoliation_energy", "energy_above_hull")

    def __init__(
        self,
        *,
        relax: bool = False,
        potential: str = DEFAULT,
        max_steps: int = 200,
        force_tolerance: float = FORCE_TOLERANCE,
        label: str = "",
        of_energies: str = "",
        of_references: str = "",
        share: Doc | None = None,
    ) -> None:
        self.relax = relax
        self.potential = known_potentials.potential(potential)
        self.errors = FormationErrors(self.potential.slug, relax=relax)
        self._own: Doc = {}
        self._corrected: dict[str, dict[str, bool]] = {}
        self.limits: Doc = {"max_steps": max_steps, "force_tolerance": force_tolerance} if relax else {}
        self.label, self.of_energies, self.of_references = label, of_energies, of_references
        self.name = labelled(stage_name("values", self.potential, relax=relax), label)
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Which energies, and how they were got."""
        labels = {"label": self.label, "of_energies": self.of_energies, "of_references": self.of_references}
        named = {name: label for name, label in labels.items() if label}
        return {**by_name(self.potential), "relax": self.relax, **self.limits, **named}

    def config(self) -> Doc:
        """What the values depend on."""
        errors = {group: asdict(model) for group, model in self.errors.by_class.items()}
        own = {"own_errors": used_of(self._own)} if self._own else {}
        corrected = {"corrected_anions": self._corrected} if self._corrected else {}
        return {**self.arguments(), "model": self.potential.name, "errors": errors, **own, **corrected}

    def before_run(self) -> None:
        """Read what the registry knows of errors itself, and of its sources' energies."""
        self._own = own_models(self.db, model_id(self._method))
        self._corrected = corrected_anions(self.db.database)

    def looks_at(self) -> tuple[Channel, ...]:
        """Error models, of which `config` tells."""
        return (*super().looks_at(), Channel(TrainedModel.collection_name(), "training", frozenset([ERRORS])))

    def sources_of_members(self) -> tuple[Members, ...]:
        """Compare energies of proposed structures with those of known materials; look which of these have none."""
        return (
            Members(
                Property,
                "chemsys",
                ("value",),
                ("structure_id", "value", "details"),
                fixed=self._asked,
            ),
            Members(ReferenceEntry, "chemsys", ("record",), (), fixed=self._references(relax=self.relax)),
            _KNOWN,
        )

    @property
    def _method(self) -> str:
        return method_name(self.potential, relax=self.relax, label=self.label)

    @property
    def _asked(self) -> Doc:
        return {"kind": KIND, "method": method_name(self.potential, relax=self.relax, label=self.of_energies)}

    def _references(self, *, relax: bool) -> Doc:
        # What is taken as it stands is so by no settings.
        return entries_of(self.potential, relax=relax, label=self.of_references if relax else "")

    def select(self) -> Iterator[Batch]:
        """Yield what is due; nothing where the potential, which evaluates the elements, is not installed."""
        if not self.potential.is_installed():
            self.total = 0
            self.report.note = not_installed(self.potential)
            return
        yield from super().select()

    def affected(self, source: Members, names: set[str]) -> set[str]:
        """Systems of structures with an energy that hold the system of a reference, or of a known material."""
        if source.document is Property:
            return names
        asked = self.db.database["properties"].distinct("chemsys", self._asked)
        return {system for system in asked if not names.isdisjoint(sub_systems(system))}

    def batch_of(self, names: list[str]) -> Batch:
        """Make a batch of systems, each with the references of all its parts."""
        batch = super().batch_of(names)
        systems = {sub for item in batch.items for sub in sub_systems(item.key)}
        by_system = self._entries(systems, relax=self.relax)
        static = self._entries(systems, relax=False) if self.relax else {}
        known = self._known(systems)
        layers = layers_among(self.db.database, (doc for item in batch.items for doc in item.content["properties"]))
        for item in batch.items:
            parts = sub_systems(item.key)
            item.content["competing"] = [doc for part in parts for doc in by_system.get(part, [])]
            item.content["static"] = [doc for part in parts for doc in static.get(part, [])]
            item.content["materials"] = [doc for part in parts for doc in known.get(part, [])]
            item.content["layers"] = [doc["structure_id"] for doc in item.content["properties"]
                                      if doc["structure_id"] in layers]  # fmt: skip
            item.content["errors"], item.content["corrected"] = self._own, self._corrected
        return batch

    def _entries(self, systems: set[str], *, relax: bool) -> dict[str, list[Doc]]:
        """Reference entries of chemical systems, taken one way, those of elements among them."""
        query = {"chemsys": {"$in": sorted(systems)}, "deprecated": False, **self._references(relax=relax)}
        fields = {"_id": 0, "entry_id": 1, "chemsys": 1, "composition": 1, "energy_per_atom": 1, "formula_reduced": 1}
        by_system: dict[str, list[Doc]] = {}
        for doc in self.db.database["reference_entries"].find(query, fields).sort("entry_id", 1):
            by_system.setdefault(doc["chemsys"], []).append(doc)
        # Evaluated here, once, and not by every worker process.
        for symbol in {symbol for system in systems for symbol in system.split("-")}:
            crystals = reference_elements(symbol, self.potential, relax=relax, **(self.limits if relax else {}))
            by_system.setdefault(symbol, []).extend(crystals)
        return by_system

    def _known(self, systems: set[str]) -> dict[str, list[Doc]]:
        """Known materials of chemical systems, whether or not the potential has evaluated them."""
        fields = {"_id": 0, "chemsys": 1, **dict.fromkeys(_KNOWN.fields, 1)}
        query = {**_KNOWN.query(), "chemsys": {"$in": sorted(systems)}}
        known: dict[str, list[Doc]] = {}
        for doc in self.db.database["materials"].find(query, fields):
            known.setdefault(doc["chemsys"], []).append(doc)
        return known

    def process(self, items: list[Item]) -> list[Outcome]:
        """Compare the structures of each chemical system with what competes there."""
        return [{"properties": self._values(item)} for item in items]

    def _values(self, item: Item) -> list[Doc]:
        method = self._method
        energies = [energy for energy in item.content["properties"] if energy.get("value") is not None]
        if not energies:
            return []
        formulas = {
            doc["entry_id"]: doc.get("formula_reduced") or "".join(doc["composition"])
            for doc in item.content["competing"]
        }
        compositions = {doc["entry_id"]: doc["composition"] for doc in item.content["competing"]}
        references = [
            Entry(doc["composition"], doc["energy_per_atom"], doc["entry_id"], method)
            for doc in believed(item.content["competing"], self.potential)
        ]
        elements = item.key.split("-")
        snapshot = content_hash(sorted([reference.entry_id, reference.energy_per_atom] for reference in references))
        entries = [
            Entry(energy["details"]["composition"], energy["value"], energy["structure_id"], method)
            for energy in energies
        ]
        lowest = element_references(references)
        missing = [symbol for symbol in elements if symbol not in lowest]
        docs = [doc for energy in energies for doc in self._exfoliation(energy, item.content["competing"])]
        if missing:
            why = {"missing": why_none(missing, item.content["competing"], self.potential)}
            for energy in energies:
                docs += [self._document(energy, kind, None, snapshot, why) for kind in _ON_A_HULL]
            return docs
        against: Doc = {"elements": {symbol: lowest[symbol].entry_id for symbol in elements}}
        if self.potential.has_tabulated_scale:
            above_tabulated = deviations({symbol: lowest[symbol].energy_per_atom for symbol in elements})
            against["elements_above_tabulated"] = above_tabulated
        own = {group: from_plain_errors(plain) for group, plain in item.content["errors"].items()}
        errors = FormationErrors(self.potential.slug, relax=self.relax, own=own)
        formed = formation_energies(entries, references)
        positions = hull_positions(entries, references)
        evaluated = {doc["formula_reduced"] for doc in item.content["competing"] if "formula_reduced" in doc}
        left_out = _far_from_hull(item.content["static"], evaluated, elements, self.potential)
        found = completeness(item.content["materials"], evaluated, left_out=left_out)
        known = known_by_family(item.content["materials"])
        targets = [energy["details"]["composition"] for energy in energies]
        fallen = [[formulas[product.name] for product in position.products] for position in positions]
        deeper = depths(targets, known, evaluated, found.missing, fallen, item.content["corrected"])
        for energy, formation, position, depth in zip(energies, formed, positions, deeper, strict=True):
            formed_from = self._document(energy, "formation_energy", float(formation), snapshot, against)
            name = energy["structure_id"]
            docs.append(_with_interval(formed_from, anion_class(elements), *errors.of_formation(elements, name)))
            above = self._document(energy, "energy_above_hull", position.energy, snapshot, {})
            above["competing"] = [
                {"id": product.name, "formula": formulas[product.name], "share_of_atoms": round(product.amount, 4)}
                for product in position.products
            ]
            products = [compositions[product.name] for product in position.products]
            if depth is not None and depth.most:  # then compounds compete, whatever the hull has
                products += [elements, elements]
            above["details"] = {**above["details"], **_decomposition(above["competing"], depth, found)}
            group = class_of_distance(elements, products)
            above = _with_interval(above, group, *errors.of_distance(elements, products, name))
            layer = name in item.content["layers"]
            docs.append(
                limited_distance(
                    above, item.key, found, layer=layer, method=method, deepest=errors.deepest(elements), depth=depth
                )
            )
        return docs

    def _exfoliation(self, energy: Doc, competing: list[Doc]) -> list[Doc]:
        details, name = energy["details"], self.potential.name
        label = self.of_references
        parent = entry_id(self.potential, str(details.get("parent_id")), relax=self.relax, label=label)
        bulk = next((doc for doc in competing if doc["entry_id"] == parent), None)
        if bulk is None:
            return []
        layer = LayeredCalculation(details["energy"], details["composition"], name, area=details.get("area"))
        atoms = sum(bulk["composition"].values())
        whole = LayeredCalculation(bulk["energy_per_atom"] * atoms, bulk["composition"], name)
        exfoliation = exfoliation_energy(layer, whole)
        compared = content_hash([parent, bulk["energy_per_atom"]])
        doc = self._document(energy, "exfoliation_energy", exfoliation.per_atom, compared, {"bulk": parent})
        doc["per_area"] = None if exfoliation.per_area is None else round(exfoliation.per_area, 3)
        return [limited_by_dispersion(doc, layer=True, method=doc["method"])]

    def _document(self, energy: Doc, kind: str, value: float | None, snapshot: str, details: Doc) -> Doc:
        method = self._method
        return {
            "property_id": f"{energy['structure_id']}/{kind}/{method}",
            "structure_id": energy["structure_id"],
            "kind": kind,
            "method": method,
            "basis": "potential",
            "value": None if value is None else round(value, DIGITS),
            "unit": "eV/atom",
            "snapshot": snapshot,
            "details": details,
            "made_of": [energy["property_id"]],  # what it was compared with is told by `snapshot` and `competing`
        }


def _with_interval(doc: Doc, group: str, resolved: str, errors: ErrorModel) -> Doc:
    """A value with the interval that errors leave it.

    Parameters
    ----------
    doc
        The property.
    group, resolved, errors
        Its class, that whose errors are taken, and these.
    """
    low, high = errors.around(doc["value"])
    doc |= {"low": round(low, DIGITS), "high": round(high, DIGITS)}
    doc["details"] = {**doc["details"], "errors": {"class": group, "of": resolved, **asdict(errors)}}
    return doc | ({"coverage": COVERAGE} if errors.size else {"warnings": [NEVER_MEASURED]})


def _decomposition(competing: list[Doc], depth: Depth | None, found: Completeness) -> Doc:
    """What all known phases of a system make of a composition, and what that sets free; nothing if unknown."""
    if depth is None and found.missing:
        return {}
    phases = depth.products if depth is not None else {doc["formula"]: doc["share_of_atoms"] for doc in competing}
    shares = [{"formula": formula, "share_of_atoms": round(share, 4)} for formula, share in sorted(phases.items())]
    return {"falls_into": shares, **({"sets_free": freed} if (freed := set_free(phases)) else {})}


def _far_from_hull(static: list[Doc], relaxed: set[str], elements: list[str], potential: Potential) -> set[str]:
    """Formulas of materials that lie above the hull as they stand and were not relaxed: they compete with nothing.

    One that lies on that hull and has no relaxed energy is another matter: its relaxation failed.
    """
    entries: dict[str, list[Entry]] = {}
    references = []
    method = method_name(potential, relax=False)
    for doc in static:
        reference = Entry(doc["composition"], doc["energy_per_atom"], doc["entry_id"], method)
        references.append(reference)
        if doc.get("formula_reduced", doc["chemsys"]) not in (*relaxed, *elements):
            entries.setdefault(doc["formula_reduced"], []).append(reference)
    asked = [entry for of_formula in entries.values() for entry in of_formula]
    if not asked:
        return set()
    try:
        above = iter(energy_above_hull(asked, references).tolist())
    except MissingReferenceError:
        return set()
    return {formula for formula, given in entries.items() if min(next(above) for _ in given) > 0}
