"""Corrects computed energies by a named scheme, or says in words why an entry does not fit it.

The schemes are pymatgen's (`pymatgen.analysis.compatibility`); here they leave their input as it is, answer for every
entry in order and give every reason. It knows nothing of hulls, files or databases.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymatgen.analysis.compatibility import (  # type: ignore[attr-defined]  # mypy reads this package as empty
    CompatibilityError,
    MaterialsProject2020Compatibility,
    PotcarCorrection,
)
from pymatgen.analysis.compatibility.mixing_scheme import MaterialsProjectDFTMixingScheme
from pymatgen.core.entries import ComputedEntry, ComputedStructureEntry
from pymatgen.io.vasp.sets import MPRelaxSet

from .schemes import GGA_RUN_TYPES, R2SCAN_RUN_TYPES, Scheme, UnknownSchemeError


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One term of a correction: its name, eV for the whole cell, and the uncertainty (eV, None where unknown)."""

    name: str
    energy: float
    uncertainty: float | None


@dataclass(frozen=True, slots=True)
class CorrectedEnergy:
    """What a scheme makes of one entry.

    Attributes
    ----------
    entry_id
        The entry's own.
    scheme
        The scheme asked for.
    uncorrected_energy
        eV for the whole cell.
    atoms
        Atoms in the cell.
    adjustments
        Terms of the correction.
    refusal
        Why the scheme does not take the entry, all reasons; None when it does.
    notes
        Warnings given on the way, such as oxidation states that could not be guessed.
    """

    entry_id: str
    scheme: Scheme
    uncorrected_energy: float
    atoms: float
    adjustments: tuple[Adjustment, ...] = ()
    refusal: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def correction(self) -> float:
        """Sum of the adjustments, eV for the whole cell."""
        return sum(adjustment.energy for adjustment in self.adjustments)

    @property
    def energy(self) -> float | None:
        """Corrected energy, eV for the whole cell; None when refused."""
        return None if self.refusal else self.uncorrected_energy + self.correction

    @property
    def energy_per_atom(self) -> float | None:
        """Corrected energy in eV/atom; None when refused."""
        return None if self.energy is None else self.energy / self.atoms


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
    try:
        scheme = Scheme(scheme)
    except ValueError as problem:
        message = f"no correction scheme {scheme!r}: choose from {', '.join(repr(s.value) for s in Scheme)}"
        raise UnknownSchemeError(message) from problem
    if scheme is Scheme.NONE:
        return [_answer(entry, scheme) for entry in entries]
    if scheme is Scheme.R2SCAN_MIXING:
        return _mixed(entries, check_potcar=check_potcar)
    compatibility = MaterialsProject2020Compatibility(
        compat_type="GGA" if scheme is Scheme.MP2020_GGA else "Advanced", check_potcar=check_potcar
    )
    guesses: dict[str, Any] = {}
    return [_one(_bare(entry), compatibility, scheme, guesses, check_potcar=check_potcar) for entry in entries]


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
    # Guessing oxidation states is the slow part and depends on the composition alone.
    key = str(entry.composition)
    if "oxidation_states" not in entry.data and key in guesses:
        entry.data["oxidation_states"] = guesses[key]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            adjustments = compatibility.get_adjustments(entry)
        except CompatibilityError as problem:
            return _answer(entry, scheme, refusal=_readable(problem))
    guesses.setdefault(key, entry.data.get("oxidation_states"))
    entry.energy_adjustments = adjustments
    return _answer(entry, scheme, notes=[str(note.message) for note in caught])


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


def _mixed(entries: Sequence[ComputedEntry | ComputedStructureEntry], *, check_potcar: bool) -> list[CorrectedEnergy]:
    """Correct GGA entries by MP2020, then place the two functionals on one hull."""
    scheme = Scheme.R2SCAN_MIXING
    gga = MaterialsProject2020Compatibility(check_potcar=check_potcar)
    mixing = MaterialsProjectDFTMixingScheme(compat_1=gga, check_potcar=check_potcar)
    guesses: dict[str, Any] = {}
    answers: list[CorrectedEnergy | None] = [None] * len(entries)
    taken: dict[int, ComputedEntry] = {}
    seen: set[str] = set()
    for i, original in enumerate(entries):
        entry = _bare(original)
        run_type = entry.parameters.get("run_type")
        refusal = None
        if run_type not in (*GGA_RUN_TYPES, *R2SCAN_RUN_TYPES):
            refusal = f"run type is {run_type or 'not given'}, the scheme takes GGA, GGA+U or r2SCAN"
        elif not isinstance(entry, ComputedStructureEntry):
            refusal = "the scheme matches structures, and the entry has none"
        elif not entry.entry_id or str(entry.entry_id) in seen:
            refusal = f"entry_id is {entry.entry_id!r}: the scheme needs one of its own for each entry"
        elif run_type in GGA_RUN_TYPES:
            answer = _one(entry, gga, scheme, guesses, check_potcar=check_potcar)
            answers[i], refusal = answer, answer.refusal
        if refusal:
            answers[i] = _answer(entry, scheme, refusal=refusal)
            continue
        seen.add(str(entry.entry_id))
        taken[i] = entry
    if not taken:
        return [answer for answer in answers if answer is not None]

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        state = mixing.get_mixing_state_data(list(taken.values()))
    general = [str(note.message) for note in caught if issubclass(note.category, UserWarning)]
    for i, entry in taken.items():
        earlier = answers[i]
        notes = [*(earlier.notes if earlier else ()), *general]
        try:
            extra = mixing.get_adjustments(entry, state)
        except CompatibilityError as problem:
            answers[i] = _answer(entry, scheme, refusal=_readable(problem), notes=notes)
            continue
        entry.energy_adjustments = [*entry.energy_adjustments, *extra]
        answers[i] = _answer(entry, scheme, notes=notes)
    return [answer for answer in answers if answer is not None]


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


def _answer(
    entry: ComputedEntry, scheme: Scheme, *, refusal: str | None = None, notes: Sequence[str] = ()
) -> CorrectedEnergy:
    adjustments: tuple[Adjustment, ...] = ()
    if refusal is None and scheme is not Scheme.NONE:
        adjustments = tuple(
            Adjustment(a.name, float(a.value), None if a.uncertainty != a.uncertainty else float(a.uncertainty))
            for a in entry.energy_adjustments
        )
    return CorrectedEnergy(
        entry_id=str(entry.entry_id or ""),
        scheme=scheme,
        uncorrected_energy=float(entry.uncorrected_energy),
        atoms=float(entry.composition.num_atoms),
        adjustments=adjustments,
        refusal=refusal,
        notes=tuple(dict.fromkeys(notes)),
    )


def _readable(problem: CompatibilityError) -> str:
    """Strip pymatgen's dump of the whole entry and its marks from a message."""
    return str(problem).split(" for {")[0].removeprefix("WARNING! ").strip()
