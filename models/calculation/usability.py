"""Whether a VASP run may be used, and for what: as an energy on the hull, in an exfoliation pair, for its band gap.

Decided by what may differ in such a run (`allowed_tags`) and by rules on the tags whose effect depends on the run. All
reasons are told. Knows tags, composition and cell; reads no files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

import numpy as np
from pymatgen.core.periodic_table import Element

from ..structure.vacuum import MIN_GAP, has_vacuum_all_round, thickest_gap
from .allowed_tags import odd_tags, shown
from .functional import UNSAID_DISPERSION, hubbards_of_run, is_hybrid, is_meta_gga
from .numerical_quality import HULL_CUTOFF, OTHER_CUTOFF, Run, why_cut_off_low, why_numbers_are_poor
from .relaxation_end import UNSAID_ENERGY
from .run_kind import ENERGY_KINDS, GAP_KINDS
from .vasp_tags import VaspTags

Purpose = Literal["energy", "exfoliation", "gap"]
PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)
_ENERGIES: Final[tuple[Purpose, ...]] = ("energy", "exfoliation")

DIPOLE_ENERGY: Final = 5e-3
"""eV/atom: dispersion is more in any solid, the dipole correction of a layer less."""
MAGNETIC: Final = frozenset({"V", "Cr", "Mn", "Fe", "Co", "Ni", "U", "Np", "Pu"})
"""Elements whose compounds commonly have moments, beside lanthanides with their f electrons in the valence."""
_FROZEN_F: Final = ("_2", "_3")
"""Ends of the names of POTCARs of lanthanides with their f electrons in the core."""
_SCF: Final = (38, 48, 58, 68, 53, 54, 8, 18, 28)
"""IALGO of algorithms that minimise the energy self-consistently: Normal, VeryFast, All, Fast, Damped …"""
_SELF_CONSISTENT: Final = re.compile(r"N|NORM.*|V.*|F.*|A|AL.*|D.*|C|CO.*")
"""ALGO by what VASP reads of it, https://www.vasp.at/wiki/index.php/ALGO: not None, Nothing, Exact, CHI, ACFDT, GW …"""
_SELF_CONSISTENT_START: Final = (0, 1, 2)
"""ICHARG of runs that make their own density; 3 to 5 take potential or density from elsewhere, 10 and more keep it."""
_POTENTIALS_ALONE: Final = ("MBJ", "LMBJ")
"""METAGGA of potentials for gaps, that belong to no energy."""
_ALL_AXES: Final = 4
"""IDIPOL of a molecule, which has vacuum all round."""
_SHELL: Final = {"s": 0, "p": 1, "d": 2, "f": 3}


@dataclass(frozen=True, slots=True)
class Usability:
    """What a run is usable for.

    Attributes
    ----------
    purpose
        The one it serves by what was run.
    reasons
        By purpose, why it does not serve it; empty where it does.
    """

    purpose: Purpose
    reasons: Mapping[Purpose, Sequence[str]] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether it serves its purpose."""
        return not self.reasons[self.purpose]

    @property
    def usable_for(self) -> list[Purpose]:
        """Purposes that it serves."""
        return [purpose for purpose in PURPOSES if not self.reasons[purpose]]


def judge(run: Run) -> Usability:
    """Judge what a run may be used for, with every reason against each use."""
    reasons: dict[Purpose, list[str]] = {purpose: [] for purpose in PURPOSES}

    def against(purposes: Sequence[Purpose], *texts: str | None) -> None:
        for purpose in purposes:
            reasons[purpose] += [text for text in texts if text]

    against(PURPOSES, "custodian set the calculation aside as failed" if run.set_aside else None)
    against(PURPOSES, *run.unconverged)
    against(_ENERGIES, _no_use(run.kind, ENERGY_KINDS, "energy to compare"))
    against(("gap",), _no_use(run.kind, GAP_KINDS, "band gap"), run.gap_doubt)
    against(PURPOSES, _odd(run.tags))
    against(PURPOSES, _charge(run), _algorithm(run), _dipole(run), *_hubbard(run), _potcars(run), *_density(run))
    against(PURPOSES, _spins(run), *why_numbers_are_poor(run))
    against(("energy",), why_cut_off_low(run, HULL_CUTOFF, "an energy beside Materials Project's"), _spherical(run))
    against(("exfoliation", "gap"), why_cut_off_low(run, OTHER_CUTOFF, "the POTCARs of C, N, O and F"))
    against(_ENERGIES, _no_total_energy(run), _unsaid(run), _odd_functional(run))
    return Usability(_purpose(run), reasons)


def _purpose(run: Run) -> Purpose:
    if run.kind in GAP_KINDS and run.kind not in ENERGY_KINDS:
        return "gap"
    if is_hybrid(run.tags) or run.tags.word("METAGGA") in _POTENTIALS_ALONE:
        return "gap"
    named = run.functional.removesuffix(UNSAID_DISPERSION)
    return "exfoliation" if "vdW" in named or "VV10" in named else "energy"


def _odd(tags: VaspTags) -> str | None:
    odd = odd_tags(tags.told, tags.taken)
    return f"{', '.join(odd)}: not among what may differ" if odd else None


def _no_use(kind: str, kinds: Sequence[str], what: str) -> str | None:
    return None if kind in kinds else f"a calculation of the kind {kind!r} gives no {what}"


def _spherical(run: Run) -> str | None:
    """Why the energy of a meta-GGA lacks what is aspherical; in a pair of layer and bulk made alike most of it cancels.

    https://www.vasp.at/wiki/LASPH: essential for accurate total energies of 3d and f elements and magnetic atoms of the
    second row, in particular by meta-GGAs. All sets of Materials Project that are r2SCAN or SCAN have it; its GGA
    energies are with and without, by their age.
    """
    if not is_meta_gga(run.tags) or run.tags.word("METAGGA") in _POTENTIALS_ALONE or run.tags.on("LASPH"):
        return None
    return "LASPH is off: beside Materials Project's, energies of meta-GGAs hold what is aspherical in the PAW spheres"


def _charge(run: Run) -> str | None:
    taken, neutral = run.tags.number("NELECT", -1.0), run.valence_electrons
    if neutral is None:
        told = run.tags.told.get("NELECT")
        return None if told is None else f"NELECT = {shown(told)}, and the valence of the POTCARs is not known"
    if taken < 0 or abs(taken - neutral) <= 1e-3:
        return None
    return f"NELECT = {taken:g}, the neutral cell has {neutral:g} electrons: it is charged by {neutral - taken:+g}"


def _density(run: Run) -> list[str]:
    """What is wrong with where the density comes from."""
    level, start = run.tags.told.get("EFERMI"), int(run.tags.number("ICHARG", 0))
    by_hand = isinstance(level, int | float) and level != 0  # else a word that says how VASP finds it
    reasons = [f"EFERMI = {shown(level)}: the Fermi level is set by hand"] if by_hand else []
    if start in _SELF_CONSISTENT_START:
        return reasons
    if not run.kind.startswith("NSCF"):
        return [*reasons, f"ICHARG = {start}: potential or density are taken from elsewhere"] if start > 0 else reasons
    if is_hybrid(run.tags):
        reasons.append(f"ICHARG = {start} keeps a density, and exact exchange is of orbitals")
    shells = {_correlated_shell(element) for element in hubbards_of_run(run.tags, run.species)}
    kept, needed = run.tags.number("LMAXMIX", np.inf), 2 * max(shells, default=0)
    if kept < needed:
        reasons.append(f"LMAXMIX = {kept:g}: the density that was kept lacks what U acts on, l up to {needed}")
    return reasons


def _algorithm(run: Run) -> str | None:
    if run.kind.startswith("NSCF"):
        return None
    taken = run.tags.number("IALGO", _SCF[0])
    odd = [f"IALGO = {taken:g}"] if int(taken) not in _SCF else []
    algorithm = str(run.tags.get("ALGO", "Normal")).strip().upper()
    if not _SELF_CONSISTENT.fullmatch(algorithm):
        odd = [f"ALGO = {algorithm.capitalize()}"]
    return f"{', '.join(odd)}: the electrons are not brought to self-consistency" if odd else None


def _spins(run: Run) -> str | None:
    magnetic = _magnetic(run)
    if not magnetic:
        return None
    if run.tags.number("ISPIN", 1) < 2:
        return f"ISPIN = 1, and {', '.join(magnetic)} may have moments"
    moments = run.tags.numbers("MAGMOM")
    if "MAGMOM" in run.tags.told and moments and not any(moments) and run.tags.number("ISTART", 0) == 0:
        return f"MAGMOM = 0 of every atom, and {', '.join(magnetic)} may have moments"
    return None


def _magnetic(run: Run) -> list[str]:
    elements = run.structure.composition.elements
    if [element.symbol for element in elements] == ["O"]:
        return ["O"]  # the molecule is a triplet
    names = [title.split()[1] for title in run.potcar_titles if len(title.split()) > 1]
    frozen = {name.partition("_")[0] for name in names if name.endswith(_FROZEN_F)}
    lanthanides = {element.symbol for element in elements if element.is_lanthanoid} - {"La", "Lu"} - frozen
    return sorted({element.symbol for element in elements} & MAGNETIC | lanthanides)


def _hubbard(run: Run) -> list[str]:
    if not run.tags.on("LDAU"):
        return []
    reasons = []
    kind = int(run.tags.number("LDAUTYPE", 2))
    if kind != 2:
        reasons.append(f"LDAUTYPE = {kind}: U is that of LDAUTYPE = 2 (Dudarev)")
    us, js, shells = (run.tags.numbers(tag) for tag in ("LDAUU", "LDAUJ", "LDAUL"))
    if len(us) != len(run.species) or len(shells) != len(run.species):
        return [*reasons, f"LDAUU and LDAUL have {len(us)} and {len(shells)} values for {len(run.species)} POTCARs"]
    js = js if len(js) == len(us) else [0.0] * len(us)
    for element, u, j, shell in zip(run.species, us, js, shells, strict=True):
        expected = _correlated_shell(element)
        if abs(u - j) > 1e-6 and int(shell) != expected:
            reasons.append(f"LDAUL = {int(shell)} of {element}, whose U of {u - j:g} eV is for l = {expected}")
    effective: dict[str, set[float]] = {}
    for element, u, j in zip(run.species, us, js, strict=True):
        effective.setdefault(element, set()).add(round(u - j, 6))
    for element, values in effective.items():
        if len(values) > 1:
            told = " and ".join(f"{value:g}" for value in sorted(values))
            reasons.append(f"U of {element} is {told} eV, by POTCAR: it has to be one")
    return list(dict.fromkeys(reasons))


def _correlated_shell(symbol: str) -> int:
    return _SHELL[Element(symbol).block]


def _potcars(run: Run) -> str | None:
    kinds = sorted({title for title in run.potcar_titles if title.split()[:1] != ["PAW_PBE"]})
    return f"POTCARs are not of PBE: {', '.join(kinds)}" if kinds else None


def _dipole(run: Run) -> str | None:
    axis = int(run.tags.number("IDIPOL", 0))
    if not run.tags.on("LDIPOL") and not axis:
        return None
    gap = thickest_gap(run.structure)
    if gap.thickness >= MIN_GAP and axis == gap.axis + 1:
        return None
    if axis == _ALL_AXES and has_vacuum_all_round(run.structure):
        return None
    where = "on all sides" if axis == _ALL_AXES else "along that axis"
    return f"LDIPOL, IDIPOL = {axis}: there is no vacuum {where}"


def _no_total_energy(run: Run) -> str | None:
    word = run.tags.word("METAGGA")
    return f"METAGGA = {word} is a potential without an energy" if word in _POTENTIALS_ALONE else None


def has_unsaid_energy(tags: VaspTags, kind: str, energy: float, atoms: int) -> bool:
    """Whether the energy of the ionic step holds a term that the electronic steps lack and no tag names.

    Parameters
    ----------
    tags, kind
        Of the run.
    energy
        eV that the electronic steps lack.
    atoms
        In the cell. A dipole correction, which may be added at the end, is taken for less than `DIPOLE_ENERGY`.
    """
    dipole = tags.on("LDIPOL") or tags.number("IDIPOL", 0) > 0
    allowed = DIPOLE_ENERGY * atoms if dipole else UNSAID_ENERGY
    named = tags.number("IVDW", 0) > 0 or tags.on("LVDW") or tags.number("PSTRESS", 0) != 0
    return kind in ENERGY_KINDS and not named and abs(energy) > allowed


def _unsaid(run: Run) -> str | None:
    if not has_unsaid_energy(run.tags, run.kind, run.unsaid_energy, len(run.structure)):
        return None
    return f"its energy holds {run.unsaid_energy:.4f} eV, such as dispersion, that no tag of it names"


def _odd_functional(run: Run) -> str | None:
    odd = any(mark in run.functional for mark in ("(", "GGA=", "IVDW=", "exchange", "nonlocal", "not stated"))
    return f"the functional is no published one: {run.functional}" if odd else None
