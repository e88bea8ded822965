"""Stage `potential-pourbaix`: how much energy structures gain at least by decomposing in water, by a potential.

Structure and solids have formation energies by the same potential, whose energies are of the kind that become Gibbs
energies. How far such a value errs was measured; it is what a candidate is judged by until there is a calculation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from ....models.energetics.entry import Entry
from ....models.energetics.formation import element_references, formation_energies
from ....models.energetics.pourbaix_entries import OPEN
from ....models.energetics.reliability.error_intervals import COVERAGE
from ....models.potential.relaxation import FORCE_TOLERANCE
from ....stores.canonical import content_hash
from ....stores.documents import ReferenceEntry
from ...engine.batches import Batch, Doc
from ...engine.selection.group_members import Members
from ..hulls.known_hull_stage import KnownSystemStage
from ..hulls.limits import KNOWN_MATERIALS
from ..pourbaix_limits import limited_in_water
from ..pourbaix_solids import lowest_of_each
from ..pourbaix_stage import PourbaixStage
from . import known_potentials
from .element_energies import believed, reference_elements
from .formation_errors import NEVER_MEASURED, FormationErrors
from .known_potentials import DEFAULT
from .potential_stage import entries_of, method_name, not_installed


class PotentialPourbaixStage(PourbaixStage):
    """Writes pourbaix_energy of structures that have a formation energy by a potential.

    Solids without a relaxed entry, such as hydroxides where a campaign relaxes oxides, are taken as they stand.

    Parameters
    ----------
    potential
        Name of the potential.
    relax
        Whether energies are of relaxed structures.
    max_steps, force_tolerance
        Limits of the relaxation of elements, as those of all that they are compared with.
    of_values, of_references
        Labels of the settings of formation energies, and of reference entries.
    conditions
        As `PourbaixStage`.
    """

    what = "potential-pourbaix"
    version = 2
    competing: ClassVar[tuple[Members, ...]] = (
        KNOWN_MATERIALS,
        Members(
            ReferenceEntry,
            "chemsys",
            ("record",),
            ("composition", "formula_reduced", "energy_per_atom", "functional", "scheme", "settings"),
            fixed={"scheme": {"$in": list(ReferenceEntry.AS_TAKEN)}},
        ),
    )

    def __init__(
        self,
        *,
        potential: str = DEFAULT,
        relax: bool = False,
        max_steps: int = 200,
        force_tolerance: float = FORCE_TOLERANCE,
        of_values: str = "",
        of_references: str = "",
        **conditions: Any,
    ) -> None:
        self.potential = known_potentials.potential(potential)
        self.relax = relax
        self.limits: Doc = {"max_steps": max_steps, "force_tolerance": force_tolerance} if relax else {}
        self.of_values, self.of_references = of_values, of_references
        self.errors = FormationErrors(self.potential.slug, relax=relax)
        super().__init__(**conditions)

    def arguments(self) -> Doc:
        """Conditions, and whose energies."""
        labels = {"of_values": self.of_values, "of_references": self.of_references}
        named = {name: label for name, label in labels.items() if label}
        return {**super().arguments(), "potential": self.potential.slug, "relax": self.relax, **self.limits, **named}

    def config(self) -> Doc:
        """What the values depend on."""
        return {**super().config(), "model": self.potential.name, "within": self.errors.in_water.quantile}

    @property
    def _method(self) -> str:
        return method_name(self.potential, relax=self.relax, label=self.of_values)

    def asked_about(self) -> Doc:
        """Look at the potential's formation energies."""
        return {"kind": "formation_energy", "method": self._method}

    def select(self) -> Iterator[Batch]:
        """Yield what is due; nothing where the potential, which evaluates the elements, is not installed."""
        if not self.potential.is_installed():
            self.total = 0
            self.report.note = not_installed(self.potential)
            return
        yield from super().select()

    def add_targets(self, contents: dict[str, Doc]) -> dict[str, list[Doc]]:
        """Add the energies that are judged, and those of elements, which are evaluated here, once."""
        made_from = KnownSystemStage.add_targets(self, contents)
        for content in contents.values():
            if not content["targets"]:
                continue
            symbols = {symbol for doc in content["reference_entries"] for symbol in doc["composition"]}
            symbols |= set(content["group"].split("-"))
            content["elements"] = {
                relax: reference_elements(
                    "-".join(sorted(symbols)), self.potential, relax=relax, **(self.limits if relax else {})
                )
                for relax in {False, self.relax}
            }
        return made_from

    def _properties(self, group: Doc) -> list[Doc]:
        if not group["targets"]:
            return []
        energies = self._formation_energies(group, relax=self.relax)
        if self.relax:
            energies = {**self._formation_energies(group, relax=False), **energies}
        pure = dict.fromkeys(group["group"].split("-"), 0.0)
        # The error is of all that meets here, not of the structure's energy alone.
        targets = []
        for target in group["targets"]:
            low, high = self.errors.in_water.around(target["value"])
            targets.append({**target, "low": low, "high": high})
        solids = {**energies, **pure}
        origin = f"{self.potential.name}: {len(energies)} solids, {content_hash(sorted(energies.items()))[:12]}"
        elements = frozenset(group["group"].split("-")) - OPEN
        everything = [*group["materials"], *group["reference_entries"]]
        judged = self._judged(elements, self._method, targets, solids, origin)
        docs = limited_in_water(judged, targets, elements, everything, solids, method=self._method)
        return [self._as_sure_as_measured(doc) if "coverage" in doc else doc for doc in docs]

    def _as_sure_as_measured(self, doc: Doc) -> Doc:
        """A value with the share of errors that its interval holds; none where these were never measured in water."""
        if self.errors.measured_in_water:
            return {**doc, "coverage": COVERAGE}
        kept = {name: content for name, content in doc.items() if name != "coverage"}
        return {**kept, "warnings": [*doc.get("warnings", []), NEVER_MEASURED]}

    def _formation_energies(self, group: Doc, *, relax: bool) -> dict[str, float]:
        """Lowest formation energy of each compound by entries taken one way, eV/atom."""
        wanted = entries_of(self.potential, relax=relax, label=self.of_references if relax else "")
        docs = [
            doc
            for doc in group["reference_entries"]
            if (doc["functional"], doc["scheme"]) == (wanted["functional"], wanted["scheme"])
            and doc.get("settings", "") == (self.of_references if relax else "")
        ]
        method = method_name(self.potential, relax=relax)
        entries, pure = (
            [Entry(doc["composition"], doc["energy_per_atom"], doc["entry_id"], method) for doc in taken]
            for taken in (believed(docs, self.potential), group["elements"][relax])
        )
        known = element_references([*entries, *pure]).keys()
        made_of = {doc["entry_id"]: doc["composition"].keys() for doc in docs}
        usable = [entry for entry in entries if made_of[entry.entry_id] <= known]
        compounds = [entry for entry in usable if len(made_of[entry.entry_id]) > 1]
        if not compounds:
            return {}
        formulas = {doc["entry_id"]: doc["formula_reduced"] for doc in docs}
        names = [formulas[entry.entry_id] for entry in compounds]
        return lowest_of_each(zip(names, formation_energies(compounds, [*usable, *pure]).tolist(), strict=True))
