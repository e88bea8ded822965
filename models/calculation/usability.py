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
from pymatgen.core.structure import Structure

from ..structure.vacuum import MIN_GAP, thickest_gap
from .allowed_tags import odd_tags, shown
from .functional import UNSAID_DISPERSION, is_hybrid
from .relaxation_end import UNSAID_ENERGY
from .run_kind import ENERGY_KINDS, GAP_KINDS
from .vasp_tags import VaspTags

Purpose = Literal["energy", "exfoliation", "gap"]
PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)
_ENERGIES: Final[tuple[Purpose, ...]] = ("energy", "exfoliation")

HULL_CUTOFF: Final = 520.0
"""eV: ENCUT of Materials Project's MPRelaxSet, 1.3 times the largest ENMAX of common POTCARs (400 eV)."""
OTHER_CUTOFF: Final = 400.0
"""eV: ENMAX of the POTCARs of C, N, O and F, for what is compared with itself alone: a gap, a pair."""
COARSEST_MESH: Final = {"metal": 0.5, "insulator": 0.7}
"""1/Å with 2π between k-points. 0.5 is VASP's own default of KSPACING, coarser than any set of Materials Project (0.25
or less); energies of insulators are converged to about 1 meV/atom at 0.7."""
ENERGY_CHANGE: Final = 1e-4
"""eV/atom: largest EDIFF; Materials Project's is 5e-5."""
LOOSE_RELAXATION: Final = {"energy": 2e-3, "force": 0.1}
"""Largest EDIFFG, eV/atom and eV/Å; Materials Project's is 5e-4 eV/atom."""
SMEARING: Final = {"Gaussian, Fermi": 0.2, "Methfessel-Paxton": 0.5}
"""eV: largest SIGMA; 0.5 is that of Materials Project's r2SCAN workflow for metals."""
EMPTY: Final = 0.05
"""Occupation up to which the highest band is empty: beyond it there are too few bands for the electrons."""
DIPOLE_ENERGY: Final = 5e-3
"""eV/atom: dispersion is more in any solid, the dipole correction of a layer less."""
ENTROPY: Final = 5e-3
"""eV/atom: largest electronic entropy by smearing; VASP's manual asks for 1e-3."""
MAGNETIC: Final = frozenset({"V", "Cr", "Mn", "Fe", "Co", "Ni", "U", "Np", "Pu"})
"""Elements whose compounds commonly have moments, beside lanthanides with their f electrons in the valence."""
_FROZEN_F: Final = ("_2", "_3")
"""Ends of the names of POTCARs of lanthanides with their f electrons in the core."""
_PRECISION: Final = ("N", "A", "H")
_TETRAHEDRA: Final = (-5, -4, -14, -15)
_SCF: Final = (38, 48, 58, 68, 53, 54, 8, 18, 28)
"""IALGO of algorithms that minimise the energy self-consistently: Normal, VeryFast, All, Fast, Damped …"""
_SELF_CONSISTENT: Final = re.compile(r"N|NORM.*|V.*|F.*|A|AL.*|D.*|C|CO.*")
"""ALGO by what VASP reads of it, https://www.vasp.at/wiki/index.php/ALGO: not None, Nothing, Exact, CHI, ACFDT, GW …"""
_SHELL: Final = {"s": 0, "p": 1, "d": 2, "f": 3}


@dataclass(frozen=True, slots=True)
class Run:
    """What is known of a run when its use is judged.

    Attributes
    ----------
    tags
        Of the run.
    kind
        Kind of run, of `run_kind`.
    functional
        Its name.
    structure
        Final one.
    potcar_titles
        Of its POTCARs, by species.
    species
        Element of each POTCAR.
    valence_electrons
        Of the neutral cell by the POTCARs; None where not known.
    mesh
        Divisions of the k-point mesh; None where the points are given otherwise.
    filling_of_highest
        Largest occupation of the highest band.
    entropy
        eV in the cell, by smearing.
    unsaid_energy
        eV that the electronic steps lack.
    unconverged
        Why electrons or atoms did not come to rest, each in a sentence.
    band_gap
        eV; None where not known.
    gap_doubt
        Why the band gap is not to be used.
    set_aside
        Whether custodian gave it up.
    """

    tags: VaspTags
    kind: str
    functional: str
    structure: Structure
    potcar_titles: Sequence[str] = ()
    species: Sequence[str] = ()
    valence_electrons: float | None = None
    mesh: Sequence[int] | None = None
    filling_of_highest: float = 0.0
    entropy: float = 0.0
    unsaid_energy: float = 0.0
    unconverged: Sequence[str] = ()
    band_gap: float | None = None
    gap_doubt: str | None = None
    set_aside: bool = False


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
    against(PURPOSES, _charge(run), _precision(run), _algorithm(run), _dipole(run), *_hubbard(run), _potcars(run))
    against(PURPOSES, *_smearing(run), _spins(run), _mesh(run), _electron_change(run), _loose(run))
    against(PURPOSES, _bands(run))
    against(("energy",), _cutoff(run, HULL_CUTOFF, "an energy beside Materials Project's"))
    against(("exfoliation", "gap"), _cutoff(run, OTHER_CUTOFF, "the POTCARs of C, N, O and F"))
    against(_ENERGIES, _no_total_energy(run), _unsaid(run), _odd_functional(run))
    return Usability(_purpose(run), reasons)


def _purpose(run: Run) -> Purpose:
    if run.kind in GAP_KINDS and run.kind not in ENERGY_KINDS:
        return "gap"
    if is_hybrid(run.tags):
        return "gap"
    named = run.functional.removesuffix(UNSAID_DISPERSION)
    return "exfoliation" if "vdW" in named or "VV10" in named else "energy"


def _odd(tags: VaspTags) -> str | None:
    odd = odd_tags(tags.told, tags.taken)
    return f"{', '.join(odd)}: not among what may differ" if odd else None


def _no_use(kind: str, kinds: Sequence[str], what: str) -> str | None:
    return None if kind in kinds else f"a calculation of the kind {kind!r} gives no {what}"


def _charge(run: Run) -> str | None:
    taken, neutral = run.tags.number("NELECT", -1.0), run.valence_electrons
    if neutral is None:
        told = run.tags.told.get("NELECT")
        return None if told is None else f"NELECT = {shown(told)}, and the valence of the POTCARs is not known"
    if taken < 0 or abs(taken - neutral) <= 1e-3:
        return None
    return f"NELECT = {taken:g}, the neutral cell has {neutral:g} electrons: it is charged by {neutral - taken:+g}"


def _cutoff(run: Run, floor: float, whose: str) -> str | None:
    cutoff = run.tags.number("ENCUT", -1.0)
    if "ENCUT" not in run.tags.told and floor == OTHER_CUTOFF:
        return None  # the largest ENMAX of the run's own POTCARs
    if cutoff >= floor - 0.1:
        return None
    told = "is not stated" if cutoff < 0 else f"= {cutoff:g} eV"
    return f"ENCUT {told}, {whose} needs {floor:g} eV"


def _precision(run: Run) -> str | None:
    precision = str(run.tags.get("PREC", "Normal")).strip()
    return None if precision[:1].upper() in _PRECISION else f"PREC = {precision}: Normal or Accurate is needed"


def _algorithm(run: Run) -> str | None:
    if run.kind.startswith("NSCF"):
        return None
    taken = run.tags.number("IALGO", _SCF[0])
    odd = [f"IALGO = {taken:g}"] if int(taken) not in _SCF else []
    algorithm = str(run.tags.get("ALGO", "Normal")).strip().upper()
    if not _SELF_CONSISTENT.fullmatch(algorithm):
        odd = [f"ALGO = {algorithm.capitalize()}"]
    return f"{', '.join(odd)}: the electrons are not brought to self-consistency" if odd else None


def _bands(run: Run) -> str | None:
    if run.filling_of_highest <= EMPTY:
        return None
    return f"NBANDS = {run.tags.number('NBANDS', 0):g}: the highest band holds {run.filling_of_highest:.2g} electrons"


def _electron_change(run: Run) -> str | None:
    taken, allowed = run.tags.number("EDIFF", 1e-4), ENERGY_CHANGE * len(run.structure)
    if run.kind.startswith("NSCF") or taken <= allowed * 1.001:
        return None
    return f"EDIFF = {taken:g} eV for {len(run.structure)} atoms, at most {allowed:g} eV is allowed"


def _loose(run: Run) -> str | None:
    limit = run.tags.number("EDIFFG", 0.0)
    if run.kind != ENERGY_KINDS[1] or not limit:
        return None
    if limit > 0:
        allowed = LOOSE_RELAXATION["energy"] * len(run.structure)
        return None if limit <= allowed else f"EDIFFG = {limit:g} eV, at most {allowed:g} eV is allowed"
    allowed = LOOSE_RELAXATION["force"]
    return None if -limit <= allowed * 1.001 else f"EDIFFG = {limit:g} eV/Å, at most {-allowed:g} eV/Å is allowed"


def _smearing(run: Run) -> list[str]:
    method, width = int(run.tags.number("ISMEAR", 1)), run.tags.number("SIGMA", 0.2)
    reasons = []
    if method in _TETRAHEDRA:
        pass
    elif method < -1:
        reasons.append(f"ISMEAR = {method}: occupations are set by hand")
    else:
        allowed = SMEARING["Methfessel-Paxton" if method > 0 else "Gaussian, Fermi"]
        if width > allowed + 1e-6:
            reasons.append(f"SIGMA = {width:g} eV, with ISMEAR = {method} at most {allowed:g} eV is allowed")
    per_atom = run.entropy / len(run.structure)
    if per_atom > ENTROPY:
        reasons.append(f"smearing brings {per_atom:.2g} eV/atom of entropy, at most {ENTROPY:g} eV/atom is allowed")
    return reasons


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
    if gap.thickness >= MIN_GAP and axis in (gap.axis + 1, 4):
        return None
    return f"LDIPOL, IDIPOL = {axis}: there is no vacuum along that axis"


def _mesh(run: Run) -> str | None:
    if run.mesh is None or run.kind.startswith("NSCF"):
        return None
    gap = thickest_gap(run.structure)
    steps = np.linalg.norm(run.structure.lattice.reciprocal_lattice.matrix, axis=1) / np.asarray(run.mesh, dtype=float)
    if gap.thickness >= MIN_GAP:
        steps[gap.axis] = 0.0
    what = "insulator" if run.band_gap else "metal"
    if steps.max() <= COARSEST_MESH[what] * 1.02:
        return None
    told = "x".join(map(str, run.mesh))
    return f"k-points {told}: {steps.max():.2f}/Å apart, at most {COARSEST_MESH[what]:g}/Å is allowed of a {what}"


def _no_total_energy(run: Run) -> str | None:
    word = run.tags.word("METAGGA")
    return f"METAGGA = {word} is a potential without an energy" if word in ("MBJ", "LMBJ") else None


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
    odd = any(mark in run.functional for mark in ("(", "GGA=", "IVDW=", "exchange", "not stated"))
    return f"the functional is no published one: {run.functional}" if odd else None
