"""Stage `pourbaix`: how much energy a structure gains at least by decomposing in water, over a range of pH.

Solids and the structure itself have formation energies of one method: known materials' by the same method family, or
those of the reference entries where the structure was calculated; all are made Gibbs energies of formation before they
meet the published ones of ions and water.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, ClassVar

from ...models.calculation.methods import with_settings, without_settings
from ...models.composition.formula.single_formula import read_one
from ...models.energetics.aqueous import REFERENCE_STATE, GibbsEnergy, gibbs_energies
from ...models.energetics.corrections.schemes import Scheme
from ...models.energetics.entropies import SOURCES
from ...models.energetics.ions import IonDataError, MissingReferenceSolidError, ions_of
from ...models.energetics.pourbaix import (
    CONCENTRATION,
    PH_RANGE,
    POTENTIAL_VS_RHE,
    STABLE,
    PourbaixError,
    PourbaixMinimum,
    entries_with_ions,
    minimum_decomposition_energies,
    solid_entry,
)
from ...models.energetics.pourbaix_entries import OPEN, PourbaixEntry, conditions
from ...models.energetics.pourbaix_interval import (
    COVERAGE,
    Uncertainties,
    Uncertainty,
    formula_of_solid,
    interval,
)
from ...stores.canonical import content_hash
from ...stores.documents import Property
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.chemical_system_stage import first_principles_entries, parts
from ..engine.selection.group_members import Members
from .hulls.hull_entries import phases, snapshot
from .hulls.hull_stage import HULL_STAGES, hull_stage_name
from .hulls.known_hull_stage import (
    EXPERIMENT,
    KNOWN_BASES,
    KNOWN_OR_WITH_FORMATION,
    KnownSystemStage,
    family,
    known_by_family,
    snapshot_of_known,
)
from .hulls.reference_structures import add_structures
from .ion_file import load_ions
from .pourbaix_limits import NOT_IN_INTERVAL, limited_in_water
from .pourbaix_solids import (
    WATER,
    hydrogen_warning,
    solids_in_water,
    solids_of_entries,
    solids_of_materials,
    why_not_in_water,
)


class PourbaixStage(KnownSystemStage):
    """Writes pourbaix_energy of structures that have a formation energy.

    Parameters
    ----------
    ph
        Lowest and highest pH.
    potential_vs_rhe
        V.
    concentration
        Of ions, mol/l.
    filter_solids
        Take only solids on the hull of formation energies as products.
    ions
        File of ions; the bundled table without.
    scheme
        Correction scheme of the reference entries.
    elements
        Judge only structures of these elements; all without.
    hull
        Label of the settings by which the calculated formation energies are found.
    label
        Tells values by these ions from those by others at the same conditions; empty for the usual names.
    """

    what: ClassVar[str] = "pourbaix"
    version = 7
    competing: ClassVar[tuple[Members, ...]] = (KNOWN_OR_WITH_FORMATION, first_principles_entries("adjustments"))
    writes: ClassVar = {Property: "value"}
    writes_kinds = ("pourbaix_energy",)

    def __init__(
        self,
        ph: tuple[float, float] = PH_RANGE,
        potential_vs_rhe: float = POTENTIAL_VS_RHE,
        concentration: float = CONCENTRATION,
        *,
        filter_solids: bool = False,
        ions: str | None = None,
        scheme: str = Scheme.MP2020.value,
        elements: list[str] | None = None,
        hull: str = "",
        label: str = "",
        share: Doc | None = None,
    ) -> None:
        self.ph = (float(ph[0]), float(ph[1]))
        self.potential_vs_rhe = potential_vs_rhe
        self.concentration = concentration
        self.filter_solids = filter_solids
        self.ions_path = ions
        self.scheme = Scheme(scheme)
        self.elements = sorted(elements) if elements else None
        self.hull, self.label = hull, label
        self.ions = load_ions(ions)
        self.name = f"{self.what}:{content_hash(self.arguments())[:8]}"
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Conditions."""
        labels = {"hull": self.hull, "label": self.label}
        return {
            "ph": list(self.ph),
            "potential_vs_rhe": self.potential_vs_rhe,
            "concentration": self.concentration,
            "filter_solids": self.filter_solids,
            "ions": self.ions_path,
            "scheme": self.scheme.value,
            "elements": self.elements,
            **{name: label for name, label in labels.items() if label},
        }

    def config(self) -> Doc:
        """Conditions, and the ions by their values."""
        numbers = [[ion.formula, ion.gibbs, ion.reference_solid, ion.reference_solid_gibbs] for ion in self.ions]
        return {**self.arguments(), "ions": content_hash(numbers)}

    @property
    def conditions(self) -> str:
        """The conditions in words, as the method of a value names them."""
        words = conditions(self.ph, self.potential_vs_rhe, self.concentration, filter_solids=self.filter_solids)
        return with_settings(words, self.label)

    def asked_about(self) -> Doc:
        """Look at formation energies of every origin but the hulls of other settings."""
        foreign: Doc = {"$regex": f"^{HULL_STAGES}", "$ne": hull_stage_name(self.scheme, self.hull)}
        return {
            "kind": "formation_energy",
            "basis": {"$in": ["calculation", *KNOWN_BASES]},
            "facets.value.stage": {"$not": foreign},
        }

    def target_systems(self) -> set[str]:
        """Systems of proposed structures, within the elements asked for."""
        allowed = set(self.elements) if self.elements else None
        return {system for system in super().target_systems() if allowed is None or set(system.split("-")) <= allowed}

    def parts_of(self, system: str, known: Collection[str]) -> list[str]:
        """Parts of the system in water, and those of the reference solids of its ions."""
        elements = {*system.split("-"), *OPEN}
        systems = set(parts(elements, known))
        for ion in ions_of(self.ions, elements):
            systems |= set(parts(_elements_of(ion.reference_solid), known))
        return sorted(systems)

    def add_targets(self, contents: dict[str, Doc]) -> dict[str, list[Doc]]:
        """Add the energies that are judged, and structures of entries where the scheme looks at them."""
        made_from = super().add_targets(contents)
        references = {id(doc): doc for content in contents.values() for doc in content["reference_entries"]}.values()
        add_structures(self.db.database, references, (), self.scheme)
        return made_from

    def process(self, items: list[Item]) -> list[Outcome]:
        """Judge the structures of each system."""
        return [{"properties": self._properties(item.content)} for item in items]

    def _properties(self, group: Doc) -> list[Doc]:
        if not group["targets"]:
            return []
        by_family = known_by_family(group["materials"])
        corrected = phases(group["reference_entries"], [], self.scheme, check_potcar=False).references
        asked: dict[str, list[Doc]] = {}
        for target in group["targets"]:
            ours = target["basis"] == "calculation"
            asked.setdefault(target["method"] if ours else family(target["method"]), []).append(target)
        docs: list[Doc] = []
        for name in sorted(asked):
            references = corrected.get(without_settings(name), [])
            known = by_family.get(name, [])
            calculated = any(target["basis"] == "calculation" for target in asked[name])
            solids = (
                solids_of_entries(references) if calculated else solids_of_materials(known, group["group"].split("-"))
            )
            origin = snapshot(references) if calculated else snapshot_of_known(known)
            everything = [*group["materials"], *group["reference_entries"]]
            elements = frozenset(group["group"].split("-")) - OPEN
            judged = self._judged(elements, name, asked[name], solids, origin)
            docs += limited_in_water(judged, asked[name], elements, everything, solids, method=name)
        return list({doc["property_id"]: doc for doc in sorted(docs, key=_highest_first)}.values())

    def _judged(
        self, elements: frozenset[str], name: str, targets: list[Doc], solids: Mapping[str, float], known: str
    ) -> list[Doc]:
        bases = [
            {
                "property_id": f"{target['structure_id']}/pourbaix_energy/{name}, {self.conditions}",
                "structure_id": target["structure_id"],
                "kind": "pourbaix_energy",
                "method": f"{name}, {self.conditions}",
                "basis": target["basis"],
                "unit": "eV/atom",
                "snapshot": known,
                "details": {"formation_energy": target["value"], "formation_energy_by": target["method"]},
                "made_of": [target["property_id"]],
            }
            for target in targets
        ]
        without = sorted(symbol for symbol in elements if not any(symbol in ion.elements for ion in self.ions))
        why = why_not_in_water(name)
        if without:
            why = f"no dissolved ions of {', '.join(without)} are known"
        elif not elements:
            why = "water has no ions to weigh"
        if why:
            return [{**base, "refused": why} for base in bases]
        gibbs = gibbs_energies(
            [target["formula_reduced"] for target in targets],
            [target["value"] for target in targets],
            water=solids.get(WATER),
        )
        docs = [
            {**base, "refused": energy.refusal} for base, energy in zip(bases, gibbs, strict=True) if energy.refusal
        ]
        usable = [triple for triple in zip(bases, targets, gibbs, strict=True) if triple[2].energy is not None]
        measured = name == EXPERIMENT
        bases = [_with_reference_state(base, energy, solids, measured=measured) for base, _, energy in usable]
        targets = [target for _, target, _ in usable]
        asked = [
            solid_entry(target["formula_reduced"], energy.energy, entry_id=target["structure_id"])
            for _, target, energy in usable
            if energy.energy is not None
        ]
        try:
            entries = entries_with_ions(solids_in_water(solids), self.ions, elements)
            minima = self.minima(entries, asked)
            others = self.minima_without_own_solid(entries, asked, minima)
            stable = self.minima(entries, asked, filter_solids=True)
        except (IonDataError, MissingReferenceSolidError, PourbaixError) as error:
            return [*docs, *({**base, "refused": str(error)} for base in bases)]
        formulas = {formula_of_solid(entry) for entry in (*entries, *asked) if entry.phase == "solid"}
        uncertain = Uncertainties(formulas, ions_of(self.ions, elements), water=solids.get(WATER), measured=measured)
        for base, target, entry, *minima_of_one in zip(bases, targets, asked, minima, others, stable, strict=True):
            *found, by_stable = ((one.energy, uncertain.of(entry, one)) for one in minima_of_one if one is not None)
            docs.append(_with_interval(_with_value(base, minima_of_one[0]), target, found, by_stable))
        return docs

    def minima(
        self, entries: list[PourbaixEntry], asked: list[PourbaixEntry], *, filter_solids: bool = False
    ) -> list[PourbaixMinimum]:
        """Least decomposition energy of each solid at the stage's conditions, or into solids on the hull alone."""
        return minimum_decomposition_energies(
            entries,
            asked,
            self.ph,
            self.potential_vs_rhe,
            concentration=self.concentration,
            filter_solids=filter_solids or self.filter_solids,
        )

    def minima_without_own_solid(
        self, entries: list[PourbaixEntry], asked: list[PourbaixEntry], minima: list[PourbaixMinimum]
    ) -> list[PourbaixMinimum | None]:
        """What else those would become that become a solid of their own formula: how far that is off is uncertain."""
        others: list[PourbaixMinimum | None] = []
        for entry, minimum in zip(asked, minima, strict=True):
            if all(product.entry.name != entry.name for product in minimum.products):
                others.append(None)
                continue
            with suppress(PourbaixError):
                others += self.minima([one for one in entries if one.name != entry.name], [entry])
                continue
            others.append(None)  # nothing else holds its elements
        return others


def _with_reference_state(base: Doc, energy: GibbsEnergy, solids: Mapping[str, float], *, measured: bool) -> Doc:
    source = SOURCES.get(energy.entropy, energy.entropy)
    stated = {"gibbs_energy": energy.energy, "entropy": source, "reference_state": REFERENCE_STATE}
    if WATER in solids:
        stated["formation_energy_of_water"] = solids[WATER]
    if not measured:
        stated["not_in_interval"] = NOT_IN_INTERVAL
    warning = hydrogen_warning(solids, measured=measured)
    return {**base, "details": {**base["details"], **stated}, **({"warnings": [warning]} if warning else {})}


def _with_value(base: Doc, minimum: PourbaixMinimum) -> Doc:
    details: dict[str, Any] = {
        **base["details"],
        "ph": minimum.ph,
        "ph_high": minimum.ph_high,
        "potential_vs_she": minimum.potential_vs_she,
    }
    products = [{"id": product.entry.name, "amount": product.amount} for product in minimum.products]
    return {**base, "value": minimum.energy, "competing": products, "details": details}


def _with_interval(
    document: Doc, target: Doc, found: list[tuple[float, Uncertainty]], by_stable: tuple[float, Uncertainty]
) -> Doc:
    """A value with the interval that the energies of the diagram and of the structure leave, and what is uncertain."""
    ends = interval(found, target["value"], (target.get("low"), target.get("high")), by_stable=by_stable)
    causes = {"uncertain_by": dict(found[0][1].by_cause or found[-1][1].by_cause)}
    if (less := document["value"] - by_stable[0]) > STABLE:
        causes["uncertain_by"]["solids above the hull"] = less
    return {**document, **ends, "coverage": COVERAGE, "details": {**document["details"], **causes}}


def _elements_of(formula: str) -> list[str]:
    return sorted(read_one(formula))


def _highest_first(doc: Doc) -> tuple[bool, float]:
    # Of several formation energies of one structure by one method the lowest counts: the last one written.
    return doc.get("value") is not None, -float(doc.get("value") or 0.0)
