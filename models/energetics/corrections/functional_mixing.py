"""Places GGA(+U) and r2SCAN energies on one hull by the Materials Project's mixing scheme, known apart from ours.

The scheme is pymatgen's `MaterialsProjectDFTMixingScheme` (Kingsbury et al., npj Comput. Mater. 8, 195 (2022)), which
keeps the lowest entry of each structure and so would let a calculation of a known compound push the compound's own
entry off the hull. Here the scale is made by what is known, and calculations of ours are placed on it one by one. It
knows entries that have been corrected before; how that is done is `corrections`' matter.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from pymatgen.analysis.compatibility import CompatibilityError  # type: ignore[attr-defined]  # mypy reads it as empty
from pymatgen.analysis.compatibility.mixing_scheme import MaterialsProjectDFTMixingScheme
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core.entries import ComputedEntry, ComputedStructureEntry
from pymatgen.core.structure import Structure

from ...structure.comparison.likeness import likeness
from ...structure.comparison.matching import Comparison, Prepared, prepare
from ..entry import Entry
from ..hull import hull_positions
from .corrected_energy import Adjustment, CorrectedEnergy
from .schemes import GGA_RUN_TYPES, R2SCAN_RUN_TYPES

Ready = tuple[ComputedEntry, CorrectedEnergy]
"""An entry that holds its terms of MP2020 as adjustments (r2SCAN has none), and the answer that names them."""

PLACED: Final = "MP GGA(+U)/R2SCAN mixing adjustment"
_HIGHER: Final = "another entry of the same structure is lower"
_NOT_IN_STATE: Final = "not found in the mixing state data"
"""pymatgen's words for it, with the id of each entry."""
_DIATOMIC: Final = ("O2", "H2", "Cl2", "F2", "N2", "I", "Br", "H2O")
"""Molecular crystals, which functionals relax too differently for a match of structures; pymatgen's list. Space group
and number of sites decide."""


class _Sameness(StructureMatcher):
    """Which structures are one, as the registry says it: polymorphs that are merely alike are apart.

    Parameters
    ----------
    gga
        Ids of the known entries by GGA(+U).
    """

    def __init__(self, gga: Set[str]) -> None:
        super().__init__()
        self._gga = gga
        self._comparison = Comparison()
        self._prepared: dict[int, tuple[Structure, Prepared]] = {}

    def same(self, known: Structure, query: Structure) -> bool:
        """Whether they are one structure."""
        one, other = self._prepare(known), self._prepare(query)
        misfit = self._comparison.misfit(one, other)
        return bool(misfit) and likeness(one, other, misfit).same

    def group_structures(self, structures: list[Any], *, symmetric: bool = True) -> list[list[Any]]:  # noqa: ARG002
        """Group known structures of one formula and space group, which have the ids of their entries.

        Sameness is `symmetric` in any case, which pymatgen asks for.

        PBE and r2SCAN may differ by more across layers that PBE hardly binds than one structure's cells do. So what is
        the same as nothing by GGA(+U) joins the first there that is alike and has no r2SCAN energy yet.
        """
        groups: list[list[Any]] = []
        for structure in sorted(structures, key=lambda one: one.entry_id not in self._gga):
            group = next((group for group in groups if self.same(group[0], structure)), None)
            if group is None:
                groups.append([structure])
            else:
                group.append(structure)
        for group in groups:
            if group[0].entry_id not in self._gga:
                lonely = (one for one in groups if self._lacks_r2scan(one) and self._alike(one[0], group[0]))
                for partner in islice(lonely, 1):
                    partner += group
                    group.clear()
        return [group for group in groups if group]

    def _lacks_r2scan(self, group: list[Any]) -> bool:
        return bool(group) and all(one.entry_id in self._gga for one in group)

    def _alike(self, known: Structure, query: Structure) -> bool:
        return self._comparison.same(self._prepare(known), self._prepare(query))

    def _prepare(self, structure: Structure) -> Prepared:
        if id(structure) not in self._prepared:
            self._prepared[id(structure)] = structure, prepare(structure)
        return self._prepared[id(structure)][1]


@dataclass(slots=True)
class _Phase:
    """A known structure: its lowest entry by GGA(+U), its r2SCAN energy if there is one, and whether it is stable."""

    formula: str
    stable: bool
    gga: ComputedStructureEntry | None
    r2scan: ComputedStructureEntry | None
    ours: bool = False
    """Whether the r2SCAN energy is from a run of ours."""

    @property
    def from_gga(self) -> float | None:
        """By how much r2SCAN lies above GGA(+U), eV/atom, where both are known."""
        if self.gga is None or self.r2scan is None:
            return None
        return float(self.r2scan.energy_per_atom - self.gga.energy_per_atom)

    def same_as(self, entry: ComputedStructureEntry, sameness: _Sameness) -> bool:
        """Whether an entry has this structure."""
        own = self.gga or self.r2scan
        if own is None or entry.reduced_formula != self.formula:
            return False
        if self.formula in _DIATOMIC and _space_group(own.structure) == _space_group(entry.structure):
            return len(own.structure) == len(entry.structure) or sameness.same(own.structure, entry.structure)
        return sameness.same(own.structure, entry.structure)


def mix(known: Sequence[Ready], ours: Sequence[Ready]) -> tuple[list[CorrectedEnergy], list[CorrectedEnergy]]:
    """Place known entries and calculations of ours on one scale.

    Where all stable phases of GGA(+U) have an r2SCAN energy, the scale is r2SCAN's; where some have, it is that of
    GGA(+U), and r2SCAN is placed by the stable phase of the same composition, or the known phase of the same structure.
    Where a known phase has no r2SCAN entry, the first r2SCAN run of ours with its structure stands for one.

    Parameters
    ----------
    known, ours
        Entries and what MP2020 made of them.

    Returns
    -------
    tuple of lists
        An answer for each known entry and for each of ours, in order.
    """
    scale = _Scale(known, ours)
    return scale.of_known, scale.of_ours


@dataclass(slots=True)
class _Scale:
    known: Sequence[Ready]
    ours: Sequence[Ready]
    of_known: list[CorrectedEnergy] = field(default_factory=list)
    of_ours: list[CorrectedEnergy] = field(default_factory=list)
    phases: list[_Phase] = field(default_factory=list)
    missing: str | None = None

    def __post_init__(self) -> None:
        self.of_known = _filtered(self.known, unique=True)
        self.of_ours = _filtered(self.ours, unique=False)
        usable = [entry for (entry, _), answer in zip(self.known, self.of_known, strict=True) if not answer.refusal]
        self.missing = self._missing(usable)
        if self.missing is not None:
            self.of_known = [_refused(answer, self.missing) for answer in self.of_known]
            self.of_ours = [_refused(answer, self.missing) for answer in self.of_ours]
            return
        if not usable:
            return
        sameness = _Sameness({entry.entry_id for entry in usable if entry.parameters["run_type"] in GGA_RUN_TYPES})
        scheme = MaterialsProjectDFTMixingScheme(structure_matcher=sameness)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            state = scheme.get_mixing_state_data(usable)
        notes = tuple(dict.fromkeys(str(note.message) for note in caught if issubclass(note.category, UserWarning)))
        self._note_phases(state, usable)
        mixed_by_known = self._all_stable_by_r2scan()
        if not mixed_by_known:
            self._let_ours_stand_in(sameness)
        if mixed_by_known or not self._all_stable_by_r2scan():
            self._place_known(scheme, state)
        else:
            self._place_known_by_ours()
        self.of_known = [_noted(answer, notes) for answer in self.of_known]
        self._place_ours(sameness)

    # What is known

    def _missing(self, usable: Sequence[ComputedEntry]) -> str | None:
        """Why there is no hull to place anything on; None where there is one."""
        elements = {element.symbol for entry, _ in (*self.known, *self.ours) for element in entry.elements}
        for name, run_types in (("GGA(+U)", GGA_RUN_TYPES), ("r2SCAN", R2SCAN_RUN_TYPES)):
            entries = [entry for entry in usable if entry.parameters["run_type"] in run_types]
            if entries:
                there = {entry.elements[0].symbol for entry in entries if len(entry.elements) == 1}
                absent = sorted(elements - there)
                if not absent:
                    return None
                return (
                    f"no {name} reference entry of {', '.join(absent)} can be used: the scheme needs one of each "
                    "element, with its structure"
                )
        return "there is no reference entry that the scheme takes" if self.known else None

    def _note_phases(self, state: Any, usable: Sequence[ComputedEntry]) -> None:
        by_id = {str(entry.entry_id): entry for entry in usable}
        self.phases = [
            _Phase(row.formula, bool(row.is_stable_1), by_id.get(str(row.entry_id_1)), by_id.get(str(row.entry_id_2)))
            for row in state.itertuples()
        ]

    def _all_stable_by_r2scan(self) -> bool:
        return all(phase.r2scan is not None for phase in self.phases if phase.stable)

    def _let_ours_stand_in(self, sameness: _Sameness) -> None:
        for entry in self._usable_ours(R2SCAN_RUN_TYPES):
            for phase in self.phases:
                if phase.r2scan is None and phase.same_as(entry, sameness):
                    phase.r2scan, phase.ours = entry, True

    def _usable_ours(self, run_types: Iterable[str]) -> list[ComputedStructureEntry]:
        return [
            entry
            for (entry, _), answer in zip(self.ours, self.of_ours, strict=True)
            if not answer.refusal and entry.parameters["run_type"] in run_types
        ]

    def _place_known(self, scheme: MaterialsProjectDFTMixingScheme, state: Any) -> None:
        """Place known entries by themselves, as pymatgen does."""
        for number, (entry, _) in enumerate(self.known):
            answer = self.of_known[number]
            if answer.refusal:
                continue
            try:
                extra = scheme.get_adjustments(entry, state)
            except CompatibilityError as problem:
                text = readable(problem)
                self.of_known[number] = replace(answer, refusal=_HIGHER if _NOT_IN_STATE in text else text)
                continue
            self.of_known[number] = _placed(answer, sum(term.value for term in extra) / answer.atoms)

    def _place_known_by_ours(self) -> None:
        """Place known entries on the r2SCAN hull that runs of ours complete."""
        phase_of = {id(phase.gga): phase for phase in self.phases if phase.gga is not None}
        for number, (entry, _) in enumerate(self.known):
            answer = self.of_known[number]
            if answer.refusal or entry.parameters["run_type"] in R2SCAN_RUN_TYPES:
                continue
            phase = phase_of.get(id(entry))
            if phase is None:
                self.of_known[number] = replace(answer, refusal=_HIGHER)
            elif phase.r2scan is None:
                self.of_known[number] = _placed(answer, self._shift(entry))
            elif not phase.ours:
                self.of_known[number] = replace(answer, refusal="there is an r2SCAN entry of the same structure")
            else:
                name = f"r2SCAN energy of {phase.r2scan.entry_id}, which has the same structure"
                self.of_known[number] = _placed(answer, phase.r2scan.energy_per_atom - entry.energy_per_atom, name)

    # What is ours

    def _place_ours(self, sameness: _Sameness) -> None:
        by_r2scan = self._all_stable_by_r2scan()
        for number, (entry, _) in enumerate(self.ours):
            answer = self.of_ours[number]
            if answer.refusal:
                continue
            if entry.parameters["run_type"] in GGA_RUN_TYPES:
                if by_r2scan:
                    self.of_ours[number] = _placed(answer, self._gga_on_r2scan(entry, sameness))
            elif not by_r2scan:
                self.of_ours[number] = self._r2scan_on_gga(entry, answer, sameness)

    def _gga_on_r2scan(self, entry: ComputedStructureEntry, sameness: _Sameness) -> float:
        for phase in self.phases:
            if phase.from_gga is not None and phase.same_as(entry, sameness):
                return phase.from_gga
        return self._shift(entry)

    def _r2scan_on_gga(
        self, entry: ComputedStructureEntry, answer: CorrectedEnergy, sameness: _Sameness
    ) -> CorrectedEnergy:
        stable = [phase for phase in self.phases if phase.stable]
        own = [phase for phase in (*stable, *self.phases) if phase.formula == entry.reduced_formula]
        if any(phase.r2scan is not None for phase in stable):
            for phase in own:
                if phase.from_gga is not None and (phase.stable or phase.same_as(entry, sameness)):
                    return _placed(answer, -phase.from_gga)
        lacking = [phase.gga for phase in stable if phase.r2scan is None and phase.gga is not None]
        wanted = [f"{gga.reduced_formula} ({gga.entry_id})" for gga in lacking]
        return replace(
            answer,
            refusal=f"no r2SCAN energy of a stable phase of {entry.reduced_formula} is known; to place it, calculate "
            f"all stable phases of its system with r2SCAN: {', '.join(sorted(wanted))} are missing",
        )

    def _shift(self, entry: ComputedEntry) -> float:
        """What takes an energy from the hull of GGA(+U) to that of r2SCAN at its composition, eV/atom."""
        gga = [phase.gga for phase in self.phases if phase.gga is not None]
        r2scan = [phase.r2scan for phase in self.phases if phase.r2scan is not None]
        asked = Entry(entry.composition.get_el_amt_dict(), 0.0)
        below = [hull_positions([asked], [_entry(one) for one in energies])[0].energy for energies in (gga, r2scan)]
        return below[0] - below[1]


def readable(problem: Exception) -> str:
    """Strip pymatgen's dump of the whole entry and its marks from a message."""
    return str(problem).split(" for {")[0].removeprefix("WARNING! ").strip()


def _filtered(entries: Sequence[Ready], *, unique: bool) -> list[CorrectedEnergy]:
    answers = []
    seen: set[str] = set()
    for entry, answer in entries:
        run_type, name = entry.parameters.get("run_type"), str(entry.entry_id or "")
        refusal = answer.refusal
        if run_type not in (*GGA_RUN_TYPES, *R2SCAN_RUN_TYPES):
            refusal = f"run type is {run_type or 'not given'}, the scheme takes GGA, GGA+U or r2SCAN"
        elif not isinstance(entry, ComputedStructureEntry):
            refusal = "the scheme matches structures, and the entry has none"
        elif unique and (not name or name in seen):
            refusal = f"entry_id is {entry.entry_id!r}: the scheme needs one of its own for each entry"
        answers.append(replace(answer, refusal=refusal))
        if not refusal:
            seen.add(name)
    return answers


def _placed(answer: CorrectedEnergy, per_atom: float, name: str = PLACED) -> CorrectedEnergy:
    if not per_atom:
        return answer
    return replace(answer, adjustments=(*answer.adjustments, Adjustment(name, float(per_atom * answer.atoms), 0.0)))


def _refused(answer: CorrectedEnergy, reason: str) -> CorrectedEnergy:
    return answer if answer.refusal else replace(answer, refusal=reason)


def _noted(answer: CorrectedEnergy, notes: tuple[str, ...]) -> CorrectedEnergy:
    return replace(answer, notes=tuple(dict.fromkeys((*answer.notes, *notes))))


def _entry(entry: ComputedEntry) -> Entry:
    return Entry(entry.composition.get_el_amt_dict(), float(entry.energy_per_atom))


def _space_group(structure: Structure) -> int:
    try:
        return int(structure.get_space_group_info(symprec=0.1)[1])
    except Exception:  # noqa: BLE001  # spglib gives up in many ways; then the structures are matched
        return -1
