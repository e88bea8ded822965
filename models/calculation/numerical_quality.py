"""Whether the numbers of a VASP run are good enough: cut-off, grids, k-points, bands, smearing and thresholds.

Knows tags, composition and cell; reads no files. What was run is the business of `usability`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from pymatgen.core.structure import Structure

from ..structure.vacuum import MIN_GAP, thickest_gap
from .run_kind import ENERGY_KINDS
from .vasp_tags import VaspTags

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
ENTROPY: Final = 5e-3
"""eV/atom: largest electronic entropy by smearing; VASP's manual asks for 1e-3."""
SYMMETRY: Final = 1e-3
"""Largest SYMPREC: how far, in cell vectors, atoms may be from where a symmetry would have them, which VASP then puts
into density, forces and k-points. 0.01 Å in a vector of 10 Å is 1 meV/atom in diamond, the stiffest (40 THz)."""
PROJECTORS: Final = 2e-3
"""Largest ROPT with LREAL = Auto: PREC = Medium's, with errors below 1 meV/atom by VASP's manual; Normal has 5e-4."""
_PRECISION: Final = ("N", "A", "H")
_TETRAHEDRA: Final = (-5, -4, -14, -15)
_COARSEST_GRID: Final = 3.0
"""Divisions along a cell vector by those of the cut-off's sphere: 3 with PREC = Normal, 4 with Accurate,
https://www.vasp.at/wiki/index.php/PREC."""
_CUTOFF_WAVE: Final = 1 / 12.2643
"""Wave number in 1/Å at 1 eV: h / sqrt(2 m e V) is 12.2643 Å, CODATA."""
_ROUNDED_GRID: Final = 0.97
"""Of a grid that VASP made for the cell a relaxation began with."""


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


def why_numbers_are_poor(run: Run) -> list[str]:
    """What is not good enough in a run for any use, each in a sentence; the cut-off is judged by `why_cut_off_low`."""
    reasons = (_precision(run), *_grid(run), *_smearing(run), _mesh(run), _electron_change(run), _loose(run))
    return [reason for reason in (*reasons, _bands(run), _symmetry(run), _projectors(run)) if reason]


def why_cut_off_low(run: Run, floor: float, whose: str) -> str | None:
    """Why the cut-off does not reach a floor, eV, that `whose` energies need; None where it does."""
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


def _grid(run: Run) -> list[str]:
    """What is wrong with grids that were set by hand."""
    wave, lengths = np.sqrt(max(run.tags.number("ENCUT", 0.0), 0.0)) * _CUTOFF_WAVE, run.structure.lattice.abc
    reasons = []
    for axis, length in zip("XYZ", lengths, strict=True):
        coarse, fine = run.tags.number(f"NG{axis}", 0.0), run.tags.number(f"NG{axis}F", 0.0)
        needed = _COARSEST_GRID * wave * length
        if f"NG{axis}" in run.tags.told and coarse < needed * _ROUNDED_GRID:
            reasons.append(f"NG{axis} = {coarse:g}, the cut-off needs {np.ceil(needed):g}")
        if f"NG{axis}F" in run.tags.told and fine < 2 * needed * _ROUNDED_GRID:
            reasons.append(f"NG{axis}F = {fine:g}, the cut-off needs {np.ceil(2 * needed):g}")
    return reasons


def _symmetry(run: Run) -> str | None:
    taken = run.tags.number("SYMPREC", 1e-5)
    return None if taken <= SYMMETRY * 1.001 else f"SYMPREC = {taken:g}, at most {SYMMETRY:g} is allowed"


def _projectors(run: Run) -> str | None:
    if not str(run.tags.get("LREAL", "")).upper().startswith("A"):
        return None  # not set by hand, or in other units
    coarse = max((abs(value) for value in run.tags.numbers("ROPT")), default=0.0)
    return None if coarse <= PROJECTORS * 1.001 else f"ROPT = {coarse:g}, at most {PROJECTORS:g} is allowed"


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
        if width < 0:
            reasons.append(f"SIGMA = {width:g} eV")
        if width > allowed + 1e-6:
            reasons.append(f"SIGMA = {width:g} eV, with ISMEAR = {method} at most {allowed:g} eV is allowed")
    per_atom = run.entropy / len(run.structure)
    if per_atom > ENTROPY:
        reasons.append(f"smearing brings {per_atom:.2g} eV/atom of entropy, at most {ENTROPY:g} eV/atom is allowed")
    return reasons


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
    return f"k-points {told}: {steps.max():.2f}/Å apart, at most {COARSEST_MESH[what]:g}/Å is allowed of {what}s"
