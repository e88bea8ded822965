"""Corrects computed energies by a named scheme, or says in words why an entry does not fit it.

The schemes are pymatgen's (`pymatgen.analysis.compatibility`); here they leave their input as it is, answer for every
entry in order, give every reason, and treat known compounds and calculations of our own alike. It knows nothing of
hulls, files or databases.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from pymatgen.analysis.compatibility import (  # type: ignore[attr-defined]  # mypy reads this package as empty
    CompatibilityError,
    MaterialsProject2020Compatibility,
    PotcarCorrection,
)
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core.entries import ComputedEntry, ComputedStructureEntry, ConstantEnergyAdjustment
from pymatgen.core.structure import Structure
from pymatgen.io.vasp.sets import MPRelaxSet

from .corrected_energy import Adjustment, CorrectedEnergy, Doubt
from .correction_doubts import OXIDE_TYPES, doubts
from .functional_mixing import mix, readable
from .schemes import GGA_RUN_TYPES, R2SCAN_RUN_TYPES, Scheme, UnknownSchemeError

__all__ = ["Adjustment", "CorrectedEnergy", "Doubt", "correct", "correct_alike"]

_SAME_CORRECTION: Final = 1e-6
"""eV/atom, far below the smallest term and far above rounding."""
_SAME_PLACE: Final = 0.02
"""Part of the cube root of the volume per atom, rms: nearer than this no other structure needs to be looked for. Those
of the nearest volume are compared first, since a match takes a good part of a second."""
_SAME_CELL: Final = 0.01
"""Relative difference of cell vectors that leaves a structure where it is, far within what is matched."""
_LARGEST_GUESSED: Final = -20
"""Of larger reduced formulas no oxidation states are guessed; pymatgen's MP2020 has the same limit."""


def correct(
    entries: Sequence[ComputedEntry | ComputedStructureEntry],
    scheme: Scheme | str = Scheme.MP2020,
    *,
    check_potcar: bool = True,
) -> list[CorrectedEnergy]:
    """Correct the energies of entries, which stay as they are.

    Adjustments an entry brings along are left out of account: the scheme starts from the uncorrected energy.

    Parameters
    ----------
    entries
        pymatgen's entries, with ``run_type``, ``hubbards`` and ``potcar_spec`` or ``potcar_symbols`` among the
        parameters. Pass structures, or ``oxide_type`` in the data, for oxides that may be peroxides.
    scheme
        One of `Scheme`, or its name.
    check_potcar
        False takes any pseudopotential.

    Returns
    -------
    list
        One answer for each entry, in order.

    Raises
    ------
    UnknownSchemeError
        When there is no such scheme.
    """
    return correct_alike(entries, (), scheme, check_potcar=check_potcar)[0]


def correct_alike(
    known: Sequence[ComputedEntry | ComputedStructureEntry],
    ours: Sequence[ComputedEntry | ComputedStructureEntry],
    scheme: Scheme | str = Scheme.MP2020,
    *,
    given: Mapping[str, Sequence[Adjustment]] | None = None,
    structure_of: Callable[[str], Structure | None] | None = None,
    check_potcar: bool = True,
) -> tuple[list[CorrectedEnergy], list[CorrectedEnergy]]:
    """Correct entries of known compounds and calculations of our own so that the same structure gets the same terms.

    What is made of the known ones never depends on ours, but that our r2SCAN runs of known phases may be all there is
    to place r2SCAN by (`functional_mixing`). Where a calculation has the structure of a known entry, it takes over what
    was decided for that one; where oxidation states can't be guessed, what was decided for others of its formula.

    Parameters
    ----------
    known, ours
        As for `correct`. Of several calculations of ours the first that has a known structure stands for it.
    scheme
        One of `Scheme`, or its name.
    given
        By entry_id, terms by which MP2020 corrected known entries at their source; they are taken as they are.
    structure_of
        Makes the structure of a known entry that comes without, by entry_id; asked for few of those that are given.
    check_potcar
        False takes any pseudopotential.

    Returns
    -------
    tuple of lists
        An answer for each known entry and for each of ours, in order.

    Raises
    ------
    UnknownSchemeError
        When there is no such scheme.
    """
    try:
        scheme = Scheme(scheme)
    except ValueError as problem:
        message = f"no correction scheme {scheme!r}: choose from {', '.join(repr(s.value) for s in Scheme)}"
        raise UnknownSchemeError(message) from problem
    if scheme is Scheme.NONE:
        return [_answer(entry, scheme) for entry in known], [_answer(entry, scheme) for entry in ours]
    compatibility = MaterialsProject2020Compatibility(
        compat_type="GGA" if scheme is Scheme.MP2020_GGA else "Advanced", check_potcar=check_potcar
    )
    guesses: dict[str, Any] = {}

    def corrected(entry: ComputedEntry) -> CorrectedEnergy:
        if scheme is Scheme.R2SCAN_MIXING and entry.parameters.get("run_type") in R2SCAN_RUN_TYPES:
            return _answer(entry, scheme)
        return _one(_bare(entry), compatibility, scheme, guesses, check_potcar=check_potcar)

    given = given or {}
    of_known = [
        _answer(entry, scheme, adjustments=given[str(entry.entry_id)])
        if str(entry.entry_id) in given
        else corrected(entry)
        for entry in known
    ]
    decided = _Decisions(known, of_known, structure_of)
    of_ours = [decided.taken_over(entry, corrected(entry)) for entry in ours]
    of_known = [decided.settled(entry, answer) for entry, answer in zip(known, of_known, strict=True)]
    if scheme is not Scheme.R2SCAN_MIXING:
        return of_known, of_ours
    ready = [
        [(_with_terms(entry, answer), answer) for entry, answer in zip(entries, answers, strict=True)]
        for entries, answers in ((known, of_known), (ours, of_ours))
    ]
    return mix(ready[0], ready[1])


class _Decisions:
    """What was decided for known entries, for calculations of the same structure or formula."""

    def __init__(
        self,
        known: Sequence[ComputedEntry],
        answers: Sequence[CorrectedEnergy],
        structure_of: Callable[[str], Structure | None] | None,
    ) -> None:
        self._matcher = StructureMatcher()
        self._structure_of = structure_of
        self._by_formula: dict[str, list[tuple[ComputedEntry, CorrectedEnergy]]] = {}
        for entry, answer in zip(known, answers, strict=True):
            if answer.refusal is None and entry.parameters.get("run_type") in GGA_RUN_TYPES:
                self._by_formula.setdefault(entry.reduced_formula, []).append((entry, answer))

    def taken_over(self, entry: ComputedEntry, answer: CorrectedEnergy) -> CorrectedEnergy:
        """Answer with the terms of the known entry of the same structure, if there is one; else as `settled`."""
        if answer.refusal is not None or entry.parameters.get("run_type") not in GGA_RUN_TYPES:
            return answer
        decisions = self._by_formula.get(entry.reduced_formula, [])
        if all(_alike(answer, decision) for _, decision in decisions):
            return answer
        decision = self._nearest(entry, decisions)
        if decision is None:
            return self.settled(entry, answer)
        if _alike(answer, decision):
            return answer
        share = answer.atoms / decision.atoms
        return replace(
            answer,
            adjustments=tuple(replace(term, energy=term.energy * share) for term in decision.adjustments),
            doubts=tuple(replace(doubt, energy=doubt.energy * share) for doubt in decision.doubts),
            notes=(*answer.notes, f"corrected as {decision.entry_id} is, which has the same structure"),
        )

    def settled(self, entry: ComputedEntry, answer: CorrectedEnergy) -> CorrectedEnergy:
        """Answer without the doubts that all other entries of its formula decide alike."""
        for doubt in answer.doubts:
            kind = "oxide" if doubt.about == "O" else doubt.about
            decisions = [
                any(term.name.endswith(f"({kind})") for term in decision.adjustments)
                for _, decision in self._by_formula.get(entry.reduced_formula, ())
                if decision.adjustments and all(other.about != doubt.about for other in decision.doubts)
            ]
            if not decisions or any(one != decisions[0] for one in decisions):
                continue
            kept = tuple(other for other in answer.doubts if other is not doubt)
            if decisions[0] == any(term.name.endswith(f"({kind})") for term in answer.adjustments):
                answer = replace(answer, doubts=kept)
            elif kind != "oxide":
                term = Adjustment(f"MP2020 anion correction ({kind}), as in other entries of the formula", doubt.energy)
                answer = replace(answer, doubts=kept, adjustments=(*answer.adjustments, term))
        return answer

    def _nearest(
        self, entry: ComputedEntry, decisions: Sequence[tuple[ComputedEntry, CorrectedEnergy]]
    ) -> CorrectedEnergy | None:
        """What was decided for the entry whose structure is nearest to this one's, if any matches."""
        if not isinstance(entry, ComputedStructureEntry):
            return None
        volume = entry.structure.volume / len(entry.structure)
        structures = [(self._structure(known), decision) for known, decision in decisions]
        candidates = [(one, decision) for one, decision in structures if one is not None]
        candidates.sort(key=lambda pair: abs(pair[0].volume / len(pair[0]) - volume))
        nearest, distance = None, float("inf")
        for structure, decision in candidates:
            if _is_in_place(entry.structure, structure):
                return decision
            distances = self._matcher.get_rms_dist(entry.structure, structure)
            if distances is not None and distances[0] < distance:
                nearest, distance = decision, float(distances[0])
                if distance < _SAME_PLACE:
                    break
        return nearest

    def _structure(self, known: ComputedEntry) -> Structure | None:
        if isinstance(known, ComputedStructureEntry):
            return known.structure
        return self._structure_of(str(known.entry_id)) if self._structure_of else None


def _is_in_place(ours: Structure, known: Structure) -> bool:
    """Whether two structures are the same atom by atom, in the same cell: then nothing needs to be matched."""
    if len(ours) != len(known) or list(ours.species) != list(known.species):
        return False
    cells = (ours.lattice.matrix, known.lattice.matrix)
    if not np.allclose(cells[0], cells[1], atol=_SAME_CELL * float(np.linalg.norm(cells[1]))):
        return False
    steps = ours.frac_coords - known.frac_coords
    steps -= np.round(steps)
    spread = np.sqrt((np.linalg.norm(steps @ cells[1], axis=1) ** 2).mean())
    return bool(spread < _SAME_PLACE / 2 * np.cbrt(known.volume / len(known)))


def _alike(a: CorrectedEnergy, b: CorrectedEnergy) -> bool:
    same_terms = abs(a.correction / a.atoms - b.correction / b.atoms) < _SAME_CORRECTION
    return same_terms and len(a.doubts) == len(b.doubts)


def _one(
    entry: ComputedEntry,
    compatibility: MaterialsProject2020Compatibility,
    scheme: Scheme,
    guesses: dict[str, Any],
    *,
    check_potcar: bool,
) -> CorrectedEnergy:
    """Answer for a bare copy of an entry, which afterwards holds the adjustments."""
    reasons = _reasons(entry, compatibility.u_settings, check_potcar=check_potcar)
    if reasons:
        return _answer(entry, scheme, refusal="; ".join(reasons))
    _complete(entry, guesses)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            adjustments = compatibility.get_adjustments(entry)
        except CompatibilityError as problem:
            return _answer(entry, scheme, refusal=readable(problem))
    terms = {kind: float(energy) for kind, energy in compatibility.comp_correction.items()}
    applied = {adjustment.name.rpartition("(")[2].rstrip(")") for adjustment in adjustments}
    # Of the rest, deprecations say nothing of the entry.
    notes = [str(note.message) for note in caught if issubclass(note.category, UserWarning)]
    return replace(
        _answer(entry, scheme, notes=notes, adjustments=_terms(adjustments)),
        doubts=doubts(entry, terms, applied),
    )


def _complete(entry: ComputedEntry, guesses: dict[str, Any]) -> None:
    """Put into the data of an entry what pymatgen would guess, and take out what it could not read."""
    if entry.data.get("oxide_type") not in OXIDE_TYPES:
        entry.data.pop("oxide_type", None)
    # Guessing is the slow part and depends on the composition alone.
    key = str(entry.composition)
    if "oxidation_states" not in entry.data:
        if key not in guesses:
            try:
                guessed = entry.composition.oxi_state_guesses(max_sites=_LARGEST_GUESSED)
            except ValueError:
                guessed = ()
            guesses[key] = guessed[0] if guessed else {}
        entry.data["oxidation_states"] = guesses[key]
    # Without a structure pymatgen takes all sulfur for sulfide, sulfates as well.
    sulfur = entry.data["oxidation_states"].get("S", 0)
    if not isinstance(entry, ComputedStructureEntry) and "sulfide_type" not in entry.data and sulfur:
        entry.data["sulfide_type"] = "sulfide" if sulfur < 0 else "sulfate"


def _reasons(entry: ComputedEntry, u_settings: Mapping[str, Mapping[str, float]], *, check_potcar: bool) -> list[str]:
    """Reasons, all of them, against an entry in MP2020; pymatgen stops at the first, and prints the whole entry."""
    reasons = []
    run_type = entry.parameters.get("run_type")
    if run_type not in GGA_RUN_TYPES:
        reasons.append(f"run type is {run_type or 'not given'}, the scheme takes {' or '.join(GGA_RUN_TYPES)}")

    elements = sorted((e for e in entry.composition.elements), key=lambda element: element.X)
    expected = u_settings.get(elements[-1].symbol, {})
    hubbards = entry.parameters.get("hubbards") or {}
    for element in elements:  # of an element by itself too, which pymatgen passes whatever its U
        wanted, used = float(expected.get(element.symbol, 0.0)), float(hubbards.get(element.symbol, 0.0))
        if used != wanted:
            reasons.append(f"U({element.symbol}) is {used:g} eV, the scheme takes {wanted:g} eV")

    if check_potcar and entry.parameters.get("software", "vasp") == "vasp":
        spec = [s["titel"] for s in entry.parameters.get("potcar_spec") or () if s and s.get("titel")]
        titles = spec or [symbol for symbol in entry.parameters.get("potcar_symbols") or () if symbol]
        used_potcars = {title.split()[1] for title in titles if len(title.split()) > 1}
        valid = PotcarCorrection(MPRelaxSet).valid_potcars
        wanted_potcars = {str(valid.get(element.symbol)) for element in elements}
        if not used_potcars:
            reasons.append("the entry does not say which POTCARs were used")
        elif used_potcars != wanted_potcars:
            used_text, wanted_text = ", ".join(sorted(used_potcars)), ", ".join(sorted(wanted_potcars))
            reasons.append(f"POTCARs are {used_text}, the scheme takes {wanted_text}")
    return reasons


def _bare(entry: ComputedEntry) -> ComputedEntry:
    """Copy an entry without its adjustments; parameters and data are copies too, since schemes write into them."""
    common = {
        "parameters": dict(entry.parameters),
        "data": dict(entry.data),
        "entry_id": entry.entry_id,
        "energy_adjustments": [],
    }
    if isinstance(entry, ComputedStructureEntry):
        return ComputedStructureEntry(
            entry.structure, entry.uncorrected_energy, composition=entry.composition, **common
        )
    return ComputedEntry(entry.composition, entry.uncorrected_energy, **common)


def _with_terms(entry: ComputedEntry, answer: CorrectedEnergy) -> ComputedEntry:
    """Copy an entry, with the terms of the answer as its adjustments."""
    bare = _bare(entry)
    bare.energy_adjustments = [ConstantEnergyAdjustment(term.energy, name=term.name) for term in answer.adjustments]
    return bare


def _terms(adjustments: Sequence[Any]) -> tuple[Adjustment, ...]:
    return tuple(
        Adjustment(a.name, float(a.value), None if a.uncertainty != a.uncertainty else float(a.uncertainty))
        for a in adjustments
    )


def _answer(
    entry: ComputedEntry,
    scheme: Scheme,
    *,
    refusal: str | None = None,
    notes: Sequence[str] = (),
    adjustments: Sequence[Adjustment] = (),
) -> CorrectedEnergy:
    return CorrectedEnergy(
        entry_id=str(entry.entry_id or ""),
        scheme=scheme,
        uncorrected_energy=float(entry.uncorrected_energy),
        atoms=float(entry.composition.num_atoms),
        adjustments=tuple(adjustments),
        refusal=refusal,
        notes=tuple(dict.fromkeys(notes)),
    )
