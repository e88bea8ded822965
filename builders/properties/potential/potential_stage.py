"""What stages of a potential share: its settings, names of methods, and how its results are written down."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, TypedDict

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure

from ....models.calculation.methods import with_settings
from ....models.potential.interface import Potential
from ....models.potential.relaxation import FORCE_TOLERANCE
from ....models.potential.results import Relaxed, Static
from ....models.structure.serialization import to_plain
from ....stores.documents import ReferenceEntry
from ....stores.documents.base import labelled
from ...engine.batches import Batch, Doc, Item
from ...engine.selection.map_stage import MapStage
from . import known_potentials
from .known_potentials import DEFAULT

KIND = "energy"
"""Kind of the property that holds an energy by the potential: eV/atom, compared with nothing."""
KNOWN = "known_energy"
"""Name under which an item carries the energy that was found before."""
LENT = "lent_energy"
"""The same of an energy that was found for another label, by settings that lead to the same."""
_BATCH = 64
_BATCH_RELAXED = 16
"""So that little is lost where a run is cut off; no slower, as so many crystals fill a batch of the potential."""
DIGITS = 5
"""Energies are kept to 1e-5 eV: beyond it the sums of single precision depend on what else is in a batch."""
_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


class Settings(TypedDict, total=False):
    """What a stage that always relaxes takes besides its own, as `PotentialStage`."""

    potential: str
    elements: Sequence[str] | None
    max_steps: int
    force_tolerance: float
    max_seconds: float | None
    max_structures: int | None
    label: str
    share: Doc | None


class PotentialStage(MapStage):
    """A stage that evaluates or relaxes structures by the potential; it stands aside where that is not installed.

    Parameters
    ----------
    relax
        Relax cell and positions first; else structures are taken as they stand.
    potential
        Name of the potential.
    elements
        Only what is of these elements, under a name of its own, so that each campaign that relaxes pays for itself;
        None: of any.
    max_steps, force_tolerance, max_seconds
        Limits of the relaxation of one structure: steps, eV/Å, seconds.
    max_structures
        At most so many in one run; the next run goes on.
    label
        Tells what is relaxed by these settings from what others relax; empty for the usual names.
    """

    what: ClassVar[str]
    tells_left_out: ClassVar[bool] = False
    """Whether what is due and not wanted is processed too, to say so."""
    version = 2

    def __init__(
        self,
        *,
        relax: bool = False,
        potential: str = DEFAULT,
        elements: Sequence[str] | None = None,
        max_steps: int = 200,
        force_tolerance: float = FORCE_TOLERANCE,
        max_seconds: float | None = None,
        max_structures: int | None = None,
        label: str = "",
        share: Doc | None = None,
    ) -> None:
        self.relax = relax
        self.potential = known_potentials.potential(potential)
        self.elements = sorted(elements) if elements else None
        self.max_steps = max_steps
        self.force_tolerance = force_tolerance
        self.max_seconds = max_seconds
        self.max_structures = max_structures
        self.label = label
        self.name = labelled(stage_name(self.what, self.potential, relax=relax, chemsys=self._chemsys), label)
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Settings."""
        names = ("relax", "elements", "max_steps", "force_tolerance", "max_seconds", "max_structures")
        named = {"label": self.label} if self.label else {}
        return {**by_name(self.potential), **{name: getattr(self, name) for name in names}, **named}

    def config(self) -> Doc:
        """What energies depend on."""
        limits = {"max_steps": self.max_steps, "force_tolerance": self.force_tolerance} if self.relax else {}
        return {"model": self.potential.name, "relax": self.relax, **limits}

    @property
    def _chemsys(self) -> str:
        return "-".join(self.elements or ())

    @property
    def method(self) -> str:
        """Name of the method, as values carry it."""
        return method_name(self.potential, relax=self.relax, label=self.label)

    @property
    def size(self) -> int:
        """Items in a batch: few, because each is much work and batches are divided among processes."""
        most = _BATCH_RELAXED if self.relax else _BATCH
        return self.current_run.batch_size or min(most, self.db.settings.batch_size)

    @abstractmethod
    def chemical_systems(self) -> list[str]:
        """Chemical systems it looks at where it is kept to some elements."""

    def qualifies(self) -> Doc:
        """Query for what the potential knows, of its elements only where it has some."""
        systems = {"chemsys": {"$in": self.chemical_systems()}} if self.elements else {}
        return {**super().qualifies(), **_known_elements(self.potential), **systems}

    def counts(self) -> Doc:
        """Count those that qualify only: where it is kept to some elements the others are many."""
        return self.qualifies()

    def select(self) -> Iterator[Batch]:
        """Yield what is due and wanted, up to the limit; nothing where the potential is not installed."""
        self.total = 0
        if not self.potential.is_installed():
            self.report.note = not_installed(self.potential)
            return
        given = left_out = 0
        for batch in super().select():
            chosen = [item for item in batch.items if self.wants(item)]
            left_out += len(batch.items) - len(chosen)
            if not self.tells_left_out:
                self.total -= len(batch.items) - len(chosen)
                batch.items = chosen
            yield batch
            given += sum(not item.content.keys() & {KNOWN, LENT} for item in chosen)
            if self.max_structures is not None and given >= self.max_structures:
                self.report.note = f"stopped at {given:,}, the campaign's max_structures; the next run goes on"
                self.put_off = True
                return
        if left_out:
            self.report.note = self.why_left_out(left_out)

    def wants(self, item: Item) -> bool:  # noqa: ARG002  # which stages choose by
        """Whether something that is due is evaluated."""
        return True

    def why_left_out(self, number: int) -> str:
        """Tell of so many that were not wanted."""
        return f"{number:,} left out"

    def in_time(self, field: str) -> Doc:
        """Query for relaxations after which this one would have come to its end too, by the field of their seconds."""
        return {} if self.max_seconds is None else {field: {"$lte": self.max_seconds}}

    def energies(self, structures: list[Structure], *, monolayer: bool | list[bool], forces: bool) -> list[Doc]:
        """Evaluate or relax structures: energy, or why there is none, and details, each as plain data."""
        if not self.relax:
            return [_of_static(result) for result in self.potential.evaluate(structures, forces=forces)]
        relaxed = self.potential.relax(
            structures,
            monolayer=monolayer,
            max_steps=self.max_steps,
            force_tolerance=self.force_tolerance,
            max_seconds=self.max_seconds,
        )
        return [_of_relaxed(result) for result in relaxed]


def scheme_name(*, relax: bool) -> str:
    """How a structure was taken."""
    return ReferenceEntry.AS_TAKEN[relax]


def method_name(potential: Potential, *, relax: bool, label: str = "") -> str:
    """Name the method of a value, by settings of a label where it has one."""
    return with_settings(f"{potential.name} {scheme_name(relax=relax)}", label)


def stage_name(what: str, potential: Potential, *, relax: bool, chemsys: str = "") -> str:
    """Name of a stage of a potential, by what it writes and of which elements."""
    parts = (f"potential-{what}{'-relaxed' if relax else ''}", known_potentials.label(potential.slug), chemsys)
    return ":".join(part for part in parts if part)


def entry_id(potential: Potential, material_id: str, *, relax: bool, label: str = "") -> str:
    """Identity of the reference entry of a known material."""
    return f"{labelled(f'{potential.slug}-relaxed' if relax else potential.slug, label)}:{material_id}"


def entries_of(potential: Potential, *, relax: bool, label: str = "") -> Doc:
    """Query for the reference entries of a potential, taken one way by the settings of a label."""
    named = label or {"$exists": False}
    return {"functional": potential.name, "scheme": scheme_name(relax=relax), "settings": named}


def by_name(potential: Potential) -> Doc:
    """The argument that makes a stage one of this potential; none for the default."""
    return {"potential": potential.slug} if known_potentials.label(potential.slug) else {}


def not_installed(potential: Potential) -> str:
    """Why a stage stood aside."""
    remedy = f" ({potential.remedy})" if potential.remedy else ""
    return f"left out: the potential {potential.title} is not installed{remedy}"


def _known_elements(potential: Potential) -> Doc:
    if potential.elements is None:
        return {}
    return {"elements": {"$nin": sorted({element.symbol for element in Element} - potential.elements)}}


def _of_static(result: Static) -> Doc:
    if result.failure is not None or result.energy is None or result.energy_per_atom is None:
        return {"failure": result.failure or "no energy"}
    facts: Doc = {"energy": round(result.energy, DIGITS), "energy_per_atom": round(result.energy_per_atom, DIGITS)}
    if result.max_force is not None:
        facts["max_force"] = round(result.max_force, 3)
    return {**facts, "stress_gpa": _six(result.stress_gpa)}


def _of_relaxed(result: Relaxed) -> Doc:
    facts: Doc = {
        "steps": result.steps,
        "converged": result.converged,
        "volume_change": None if result.volume_change is None else round(result.volume_change, 4),
        "area_change": None if result.area_change is None else round(result.area_change, 4),
    }
    if result.failure is not None or result.energy is None or result.energy_per_atom is None:
        return {**facts, "failure": result.failure or "no energy"}
    if result.doubts:
        return {**facts, "failure": "; ".join(result.doubts)}
    return {
        **facts,
        "energy": round(result.energy, DIGITS),
        "energy_per_atom": round(result.energy_per_atom, DIGITS),
        "max_force": None if result.max_force is None else round(result.max_force, 3),
        "stress_gpa": _six(result.stress_gpa),
        "structure": to_plain(result.structure),
    }


def _six(stress: NDArray[np.float64] | None) -> list[float] | None:
    """A symmetric tensor as xx, yy, zz, yz, xz, xy."""
    return None if stress is None else [round(float(stress[place]), 2) for place in _VOIGT]
