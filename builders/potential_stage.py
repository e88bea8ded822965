"""Stages `potential-references` and `potential-energies`: energies of known and proposed structures by CHGNet.

Known materials become reference entries under CHGNet's own name, so that they never meet DFT energies; the energies
of proposed structures become properties, which `potential_values` compares with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure

from ..models.composition.formulas import describe_all
from ..models.structure.plain import BadStructure, from_plain, to_plain
from ..models.structure.potential import HEAVIEST, MODEL, NAME, REMEDY, Static, evaluate, is_installed
from ..models.structure.relaxation import FORCE_TOLERANCE, Relaxed, relax
from ..stores.documents import Material, Property, ProposedStructure, ReferenceEntry
from .map_stage import MapStage
from .work import Batch, Doc, Failure, Item, Outcome, Refused

KIND = "energy"
"""Kind of the property that holds an energy by the potential: eV/atom, compared with nothing."""
LEFT_OUT = "left_out"
"""Among the details of an energy there is none of: that it was not wanted, and a calculation is not either."""
CITATION = "B. Deng et al., Nat. Mach. Intell. 5, 1031 (2023)"
_BATCH = 64
_BATCH_RELAXED = 16
"""So that little is lost where a run is cut off; no slower, as so many crystals fill a batch of the potential."""
_DIGITS = 5
"""Energies are kept to 1e-5 eV: beyond it the sums of single precision depend on what else is in a batch."""
_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
_UNKNOWN_ELEMENTS = sorted(element.symbol for element in Element if element.Z > HEAVIEST)


class PotentialStage(MapStage):
    """What both stages share: the settings of the potential, and standing aside where it is not installed.

    Parameters
    ----------
    relax
        Relax cell and positions first; else structures are taken as they stand.
    max_steps, force_tolerance, max_seconds
        Limits of the relaxation of one structure: steps, eV/Å, seconds.
    max_structures
        At most so many in one run; the next run goes on.
    """

    what: ClassVar[str]
    tells_left_out: ClassVar[bool] = False
    """Whether what is due and not wanted is processed too, to say so."""
    version = 2

    def __init__(
        self,
        *,
        relax: bool = False,
        max_steps: int = 200,
        force_tolerance: float = FORCE_TOLERANCE,
        max_seconds: float | None = 120.0,
        max_structures: int | None = None,
        share: Doc | None = None,
    ) -> None:
        self.relax = relax
        self.max_steps = max_steps
        self.force_tolerance = force_tolerance
        self.max_seconds = max_seconds
        self.max_structures = max_structures
        self.name = f"potential-{self.what}{'-relaxed' if relax else ''}"
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Give the settings."""
        names = ("relax", "max_steps", "force_tolerance", "max_seconds", "max_structures")
        return {name: getattr(self, name) for name in names}

    def config(self) -> Doc:
        """Give what energies depend on."""
        limits = {"max_steps": self.max_steps, "force_tolerance": self.force_tolerance} if self.relax else {}
        return {"model": NAME, "relax": self.relax, **limits}

    @property
    def method(self) -> str:
        """Name of the method, as values carry it."""
        return method_name(relax=self.relax)

    @property
    def size(self) -> int:
        """Items in a batch: few, because each is much work and batches are divided among processes."""
        most = _BATCH_RELAXED if self.relax else _BATCH
        return self.batch_size or min(most, self.db.settings.batch_size)

    def select(self) -> Iterator[Batch]:
        """Give what is due and wanted, up to the limit; nothing where the potential is not installed."""
        self.total = 0
        if not is_installed():
            self.report.note = not_installed()
            return
        given = left_out = 0
        for batch in super().select():
            wanted = [item for item in batch.items if self.wants(item)]
            left_out += len(batch.items) - len(wanted)
            if not self.tells_left_out:
                self.total -= len(batch.items) - len(wanted)
                batch.items = wanted
            yield batch
            given += len(wanted)
            if self.max_structures is not None and given >= self.max_structures:
                self.report.note = f"stopped at {given:,}, the campaign's max_structures; the next run goes on"
                return
        if left_out:
            self.report.note = self.why_left_out(left_out)

    def wants(self, item: Item) -> bool:  # noqa: ARG002  # which stages choose by
        """Say whether something that is due is evaluated."""
        return True

    def why_left_out(self, number: int) -> str:
        """Tell of so many that were not wanted."""
        return f"{number:,} left out"

    def energies(self, structures: list[Structure], *, monolayer: bool | list[bool], forces: bool) -> list[Doc]:
        """Evaluate or relax structures: energy, or why there is none, and details, each as plain data."""
        if not self.relax:
            return [_of_static(result) for result in evaluate(structures, forces=forces)]
        relaxed = relax(
            structures,
            monolayer=monolayer,
            max_steps=self.max_steps,
            force_tolerance=self.force_tolerance,
            max_seconds=self.max_seconds,
        )
        return [_of_relaxed(result) for result in relaxed]


class PotentialReferencesStage(PotentialStage):
    """Writes `reference_entries` of CHGNet for known bulk materials.

    Monolayers of other databases are left out: they are no phases that a compound decomposes into.
    """

    what = "references"
    source = Material
    facets = ("record",)
    fields = ("structure", "formula", "chemsys")
    criteria: ClassVar[Doc] = {
        "structure": {"$exists": True},
        "disordered": {"$ne": True},
        "dimension_claimed": {"$nin": [0, 1, 2]},
        "elements": {"$nin": _UNKNOWN_ELEMENTS},
    }
    writes: ClassVar = {ReferenceEntry: "record"}

    def process(self, items: list[Item]) -> list[Outcome]:
        """Evaluate a batch of materials."""
        usable: list[Item] = []
        structures: list[Structure] = []
        outcomes: dict[str, Outcome] = {}
        for item in items:
            try:
                structures.append(from_plain(item.content["structure"]))
                usable.append(item)
            except BadStructure:  # stage `layers` has put it into quarantine
                outcomes[item.key] = {}
        found = self.energies(structures, monolayer=False, forces=False)
        described = describe_all([structure.composition.formula for structure in structures])
        for item, structure, energy, facts in zip(usable, structures, found, described, strict=True):
            if "failure" in energy:
                outcomes[item.key] = _failed(item.key, energy["failure"])
                continue
            doc = {
                "entry_id": f"{'chgnet-relaxed' if self.relax else 'chgnet'}:{item.key}",
                "source": "chgnet",
                "source_id": item.key,
                "source_version": MODEL,
                "material_id": item.key,
                "composition": structure.composition.get_el_amt_dict(),
                "formula": item.content.get("formula") or structure.composition.formula,
                "formula_reduced": facts.reduced,
                "formula_anonymous": facts.anonymous,
                "chemsys": facts.chemsys,
                "elements": facts.elements,
                "nelements": facts.nelements,
                "nsites": len(structure),
                "energy": energy["energy"],
                "energy_per_atom": energy["energy_per_atom"],
                "functional": NAME,
                "scheme": scheme_name(relax=self.relax),
                "reference": CITATION,
            }
            outcomes[item.key] = {"reference_entries": [doc]}
        return [outcomes[item.key] for item in items]


class PotentialEnergiesStage(PotentialStage):
    """Writes the energy of each valid structure that repeats no other, as a property of its own kind."""

    what = "energies"
    source = ProposedStructure
    facets = ("proposal", "novelty")
    fields: ClassVar[tuple[str, ...]] = ("structure", "chemsys", "route", "parent_id", "dimension", "area")
    criteria: ClassVar[Doc] = {
        "valid": True,
        "novel": {"$exists": True},
        "duplicate_of": {"$exists": False},
        "elements": {"$nin": _UNKNOWN_ELEMENTS},
    }
    writes: ClassVar = {Property: "value"}

    def process(self, items: list[Item]) -> list[Outcome]:
        """Evaluate a batch of structures; one that fails keeps the reason beside the missing value."""
        structures = [from_plain(item.content["structure"]) for item in items]
        flat = [item.content.get("dimension") == 2 for item in items]
        found = self.energies(structures, monolayer=flat, forces=True)
        return [
            {"properties": [self._document(item, structure, energy)]}
            for item, structure, energy in zip(items, structures, found, strict=True)
        ]

    def _document(self, item: Item, structure: Structure, energy: Doc) -> Doc:
        details: dict[str, Any] = {"composition": structure.composition.get_el_amt_dict(), **energy}
        if item.content.get("route") == "top-down":
            details["parent_id"] = item.content.get("parent_id")
        if item.content.get("dimension") == 2:
            change = energy.get("area_change") or 1.0
            details["area"] = (item.content.get("area") or 0.0) * change or None
        return {
            "property_id": f"{item.key}/{KIND}/{self.method}",
            "structure_id": item.key,
            "chemsys": item.content["chemsys"],
            "kind": KIND,
            "method": self.method,
            "basis": "potential",
            "value": None if "failure" in energy else energy["energy_per_atom"],
            "unit": "eV/atom",
            "details": {name: value for name, value in details.items() if value is not None},
        }


def scheme_name(*, relax: bool) -> str:
    """Say how a structure was taken."""
    return "relaxed" if relax else "static"


def method_name(*, relax: bool) -> str:
    """Name the method of a value."""
    return f"{NAME} {scheme_name(relax=relax)}"


def not_installed() -> str:
    """Say why a stage stood aside."""
    return f"left out: the potential CHGNet is not installed ({REMEDY})"


def _of_static(result: Static) -> Doc:
    if result.failure is not None or result.energy is None or result.energy_per_atom is None:
        return {"failure": result.failure or "no energy"}
    found: Doc = {"energy": round(result.energy, _DIGITS), "energy_per_atom": round(result.energy_per_atom, _DIGITS)}
    if result.max_force is not None:
        found["max_force"] = round(result.max_force, 3)
    return {**found, "stress_gpa": _six(result.stress_gpa)}


def _of_relaxed(result: Relaxed) -> Doc:
    found: Doc = {
        "steps": result.steps,
        "converged": result.converged,
        "volume_change": None if result.volume_change is None else round(result.volume_change, 4),
        "area_change": None if result.area_change is None else round(result.area_change, 4),
    }
    if result.failure is not None or result.energy is None or result.energy_per_atom is None:
        return {**found, "failure": result.failure or "no energy"}
    if result.doubts:
        return {**found, "failure": "; ".join(result.doubts)}
    return {
        **found,
        "energy": round(result.energy, _DIGITS),
        "energy_per_atom": round(result.energy_per_atom, _DIGITS),
        "max_force": None if result.max_force is None else round(result.max_force, 3),
        "stress_gpa": _six(result.stress_gpa),
        "structure": to_plain(result.structure),
    }


def _six(stress: NDArray[np.float64] | None) -> list[float] | None:
    """Give a symmetric tensor as xx, yy, zz, yz, xz, xy."""
    return None if stress is None else [round(float(stress[place]), 2) for place in _VOIGT]


def _failed(key: str, reason: str) -> Outcome:
    if "no neighbour" in reason:  # a property of the crystal: trying again is of no use
        return Refused("materials", key, f"CHGNet can't evaluate it: {reason}", "Leave it out of the source.")
    return Failure(f"CHGNet: {reason}")
