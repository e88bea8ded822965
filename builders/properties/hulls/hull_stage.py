"""Stage `hull`: formation energy and distance to the hull of proposed structures that have been calculated.

Works by chemical system, over the reference entries and our own calculations, all corrected by one scheme. What can't
be used leaves a property without value that says why.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ....models.calculation.methods import with_settings
from ....models.energetics.corrections.schemes import Scheme
from ....models.energetics.entry import MissingReferenceError
from ....models.energetics.formation import element_references, formation_energies
from ....models.energetics.hull import HullPosition, hull_positions
from ....stores.documents import Calculation, Property, RegistryDocument
from ....stores.documents.base import labelled
from ...engine.batches import Doc, Item, Outcome
from ...engine.selection.chemical_system_stage import ChemicalSystemStage, first_principles_entries, origin
from ...engine.selection.group_members import Members
from .hull_entries import best_first, phases, snapshot
from .hull_intervals import hull_intervals
from .limits import KNOWN_MATERIALS, completeness, layers_among, limited_distance
from .phase import Phase, Phases
from .plausible_phases import why_left_out, with_doubts
from .reference_structures import add_structures
from .strained_layers import limited_by_strain
from .usable_calculations import USABLE_FIELDS

HULL_STAGES = "hull:"
"""With which the names of all such stages begin."""
AGAINST = ("known", "known and ours")
"""Hulls: of the reference entries, and of these with all that has been calculated."""

_CALCULATION_FIELDS = (
    *("composition", "formula_reduced", "energy", "energy_per_atom", "functional", "hubbards", "potcar_symbols"),
    *("structure", "structure_id", "settings", "trajectory.stress", *USABLE_FIELDS),
)
_SYSTEM_FIELDS = frozenset({*RegistryDocument._fields, "_id"}) - {"id"}


class HullStage(ChemicalSystemStage):
    """Writes formation_energy and energy_above_hull, the latter against each of `AGAINST`.

    Parameters
    ----------
    scheme
        Correction scheme, one of `Scheme`.
    check_potcar
        Whether pseudopotentials must be the scheme's.
    label
        Tells what is found by these settings from what others find by the same scheme; empty for the usual names.
    """

    version = 10
    writes: ClassVar = {Property: "value"}
    writes_kinds = ("formation_energy", "energy_above_hull")

    def __init__(
        self,
        scheme: str = Scheme.MP2020.value,
        check_potcar: bool = True,  # noqa: FBT001, FBT002
        *,
        label: str = "",
        share: Doc | None = None,
    ) -> None:
        self.scheme = Scheme(scheme)
        self.check_potcar = check_potcar
        self.label = label
        self.name = hull_stage_name(self.scheme, label)
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Scheme and check."""
        named = {"label": self.label} if self.label else {}
        return {"scheme": self.scheme.value, "check_potcar": self.check_potcar, **named}

    def sources_of_members(self) -> tuple[Members, ...]:
        """Reference entries, our calculations, and what else is known."""
        return (
            first_principles_entries("adjustments"),
            Members(Calculation, "chemsys", ("record", "match"), _CALCULATION_FIELDS),
            KNOWN_MATERIALS,
        )

    @property
    def competing(self) -> tuple[Members, ...]:  # type: ignore[override]  # by the scheme
        """All of them."""
        return self.sources_of_members()

    def target_systems(self) -> set[str]:
        """Systems of calculations that belong to a proposed structure."""
        criteria = {"deprecated": False, "structure_id": {"$exists": True}}
        return set(self.db.database["calculations"].distinct("chemsys", criteria))

    def add_targets(self, contents: dict[str, Doc]) -> dict[str, list[Doc]]:
        """Add what was found before, which stays where it can't be computed again, and structures of entries."""
        made_from: dict[str, list[Doc]] = {}
        layers = layers_among(self.db.database, (doc for one in contents.values() for doc in one["calculations"]))
        references, calculations = (
            {id(doc): doc for content in contents.values() for doc in content[name]}.values()
            for name in ("reference_entries", "calculations")
        )
        add_structures(self.db.database, references, calculations, self.scheme)
        for name, content in contents.items():
            targets = [doc for doc in content["calculations"] if doc["chemsys"] == name and doc.get("structure_id")]
            made_from[name] = [origin("calculations", doc["calculation_id"], doc) for doc in targets]
            content["earlier"] = []
            content["layers"] = [doc["structure_id"] for doc in targets if doc["structure_id"] in layers]
        criteria = {"facets.value.stage": self.name, "facets.value.group": {"$in": list(contents)}, "deprecated": False}
        for doc in self.db.database["properties"].find(criteria):
            group = doc["facets"]["value"]["group"]
            contents[group]["earlier"].append({k: v for k, v in doc.items() if k not in _SYSTEM_FIELDS})
        return made_from

    def process(self, items: list[Item]) -> list[Outcome]:
        """Make the hull of each system."""
        return [{"properties": self._properties(item.content)} for item in items]

    def _properties(self, group: Doc) -> list[Doc]:
        competing = phases(
            group["reference_entries"], group["calculations"], self.scheme, check_potcar=self.check_potcar
        )
        docs: dict[str, Doc] = {}
        reasons: dict[str, list[str]] = {}
        for method in sorted(competing.ours):
            targets = _best_of(competing.ours[method], group["group"])
            try:
                values = _values(method, targets, competing, self.scheme, self.label)
            except MissingReferenceError as missing:
                why = "; ".join([f"{method}: {missing}", *why_left_out(competing.implausible)])
                for phase in targets:
                    reasons.setdefault(phase.doc["structure_id"], []).append(why)
                continue
            values = with_doubts(values, targets, competing, method)
            values = limited_by_strain(
                _limited(values, group, method, competing), group["calculations"], group["layers"]
            )
            docs |= {doc["property_id"]: doc for doc in values}
        for phase in competing.refused:
            structure_id = phase.doc.get("structure_id")
            if structure_id and phase.doc["chemsys"] == group["group"]:
                reason = f"{phase.doc['functional']} ({phase.doc['calculation_id']}): {phase.refusal}"
                reasons.setdefault(structure_id, []).append(reason)
        _keep_stale(docs, group["earlier"], reasons, competing)
        _add_refusals(docs, reasons, self.scheme, self.label)
        own: dict[str, list[str]] = {}
        for calculation in group["calculations"]:
            own.setdefault(calculation.get("structure_id"), []).append(calculation["calculation_id"])
        # What a value was compared with is told by `snapshot` and `competing`.
        return [{**doc, "made_of": own.get(doc["structure_id"], [])} for doc in docs.values()]


def hull_stage_name(scheme: Scheme, label: str = "") -> str:
    """Name of the stage that makes the hulls of a scheme, by the settings of a label."""
    return labelled(f"{HULL_STAGES}{scheme.value}", label)


def _best_of(ours: list[Phase], system: str) -> list[Phase]:
    best: dict[str, Phase] = {}
    for phase in sorted(ours, key=best_first):
        if phase.doc["chemsys"] == system and phase.doc.get("structure_id"):
            best.setdefault(phase.doc["structure_id"], phase)
    return [best[name] for name in sorted(best)]


def _values(method: str, targets: list[Phase], competing: Phases, scheme: Scheme, label: str) -> list[Doc]:
    if not targets:
        return []
    name = with_settings(method, label)
    references = competing.references.get(method, [])
    known = [phase.entry for phase in references if phase.entry]
    entries = [phase.entry for phase in targets if phase.entry]
    chosen = {phase.doc["calculation_id"] for phase in targets}
    others = [phase for phase in competing.ours[method] if phase.doc["calculation_id"] not in chosen]
    everything = [*entries, *(phase.entry for phase in others if phase.entry)]
    elements = element_references(known)
    formation = formation_energies(entries, known)
    positions = {
        "known": hull_positions(entries, known),
        "known and ours": hull_positions(everything, known, against="known and ours")[: len(entries)],
    }
    intervals = hull_intervals(targets, references, others)
    documents = [phase.doc for phase in (*references, *targets, *others)]
    base = {"snapshot": snapshot(references), "basis": "calculation", "unit": "eV/atom"}
    docs: list[Doc] = []
    for number, phase in enumerate(targets):
        structure_id, entry = phase.doc["structure_id"], entries[number]
        used = {symbol: elements[symbol].name for symbol in sorted(phase.doc["composition"])}
        details = _details(phase, scheme, competing)
        docs.append(
            {
                **_identity(structure_id, "formation_energy", name),
                **base,
                "value": float(formation[number]),
                **_interval(float(formation[number]), phase.spread),
                "details": {**details, "element_references": used, "energy_per_atom": entry.energy_per_atom},
            }
        )
        docs += [
            {
                **_identity(structure_id, "energy_above_hull", f"{name}, against {against}"),
                **base,
                "value": positions[against][number].energy,
                **(dict(zip(("low", "high"), intervals[against][number], strict=True)) if intervals else {}),
                "competing": _competing(positions[against][number], documents),
                "details": details,
            }
            for against in AGAINST
        ]
    return docs


def _limited(values: list[Doc], group: Doc, method: str, competing: Phases) -> list[Doc]:
    """Distances with what is known of their limits; formation energies as they are."""
    known = [*group["materials"], *group["reference_entries"]]
    entered = {phase.doc["formula_reduced"] for phase in competing.references.get(method, [])}
    ours = {phase.doc["formula_reduced"] for phase in competing.ours[method]}
    found = {"known": completeness(known, entered), "known and ours": completeness(known, entered | ours)}
    distances = {doc["structure_id"]: doc["value"] for doc in values if doc["method"].endswith(", against known")}
    return [
        limited_distance(
            doc,
            group["group"],
            found[doc["method"].rpartition(", against ")[2]],
            layer=doc["structure_id"] in group["layers"],
            method=doc["details"]["functional"],
            known_distance=distances[doc["structure_id"]],
        )
        if doc["kind"] == "energy_above_hull"
        else doc
        for doc in values
    ]


def _interval(value: float, spread: tuple[float, float]) -> Doc:
    return {} if spread == (0.0, 0.0) else {"low": value + spread[0], "high": value + spread[1]}


def _identity(structure_id: str, kind: str, method: str) -> Doc:
    return {
        "property_id": f"{structure_id}/{kind}/{method}",
        "structure_id": structure_id,
        "kind": kind,
        "method": method,
    }


def _details(phase: Phase, scheme: Scheme, competing: Phases) -> Doc:
    details: dict[str, Any] = {
        "calculation_id": phase.doc["calculation_id"],
        "functional": phase.doc["functional"],
        "scheme": scheme.value,
    }
    if phase.corrected is not None:
        details["correction"] = phase.corrected.correction
        adjustments = phase.corrected.adjustments
        details["adjustments"] = [{"name": adjusted.name, "value": adjusted.energy} for adjusted in adjustments]
        if phase.corrected.doubts:
            details["undecided"] = [doubt.reason for doubt in phase.corrected.doubts]
        if phase.corrected.notes:
            details["notes"] = list(phase.corrected.notes)
    if competing.left_out:
        left_out = sorted(competing.left_out.items())
        details["references_left_out"] = [{"reason": why, "entries": number} for why, number in left_out]
    return details


def _competing(position: HullPosition, documents: list[Doc]) -> list[Doc]:
    listed = []
    for product in position.products:
        doc = documents[product.phase] if product.phase is not None else {}
        product_doc = {"id": product.name, "formula": doc.get("formula_reduced"), "amount": product.amount}
        listed.append({key: value for key, value in product_doc.items() if value is not None})
    return listed


def _keep_stale(docs: dict[str, Doc], earlier: list[Doc], reasons: dict[str, list[str]], competing: Phases) -> None:
    """Keep good values that only lack references now; what a calculation itself no longer supports goes."""
    supported = {phase.doc["calculation_id"] for by_method in competing.ours.values() for phase in by_method}
    for doc in earlier:
        calculation = doc.get("details", {}).get("calculation_id")
        if doc["property_id"] in docs or doc.get("value") is None or calculation not in supported:
            continue
        why = "; ".join(reasons.get(doc["structure_id"], []))
        if why:
            docs[doc["property_id"]] = {**doc, "stale": True, "details": {**doc["details"], "stale_because": why}}


def _add_refusals(docs: dict[str, Doc], reasons: dict[str, list[str]], scheme: Scheme, label: str) -> None:
    valued = {doc["structure_id"] for doc in docs.values() if doc.get("value") is not None}
    for structure_id in sorted(reasons.keys() - valued):
        for kind in ("formation_energy", "energy_above_hull"):
            doc = {
                **_identity(structure_id, kind, f"{with_settings(scheme.value, label)}, refused"),
                "basis": "calculation",
                "unit": "eV/atom",
                "refused": "; ".join(sorted(reasons[structure_id])),
                "details": {"scheme": scheme.value},
            }
            docs[doc["property_id"]] = doc
