"""What kind of run VASP made - a relaxation, a static run, phonons … - by what was run, not by how it was named.

Names are emmet's where it has one; a relaxation is one with any ISIF, and a run in which no atom moves is static.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .vasp_tags import VaspTags

STATIC: Final = "Static"
RELAXATION: Final = "Structure Optimization"
ENERGY_KINDS: Final = (STATIC, RELAXATION)
"""Kinds of run whose total energy belongs to the structure; the first is taken before the second."""
GAP_KINDS: Final = ("NSCF Uniform", "NSCF Line", "SCF Line", STATIC, RELAXATION)
"""Kinds of run that give a gap, the densest mesh of k-points first."""
MOLECULAR_DYNAMICS: Final = "Molecular Dynamics"

_OTHER_MOTION: Final = {
    5: "Phonons by finite differences",
    6: "Phonons by finite differences",
    7: "DFPT",
    8: "DFPT",
    11: "Interactive",
    12: "Interactive",
    40: "Reaction Path",
    44: "Dimer",
}
"""By IBRION, https://www.vasp.at/wiki/index.php/IBRION."""
_RELAXING: Final = (1, 2, 3)
_RESPONSE: Final = {"CHI": "Optic", "BSE": "BSE", "TDHF": "BSE", "TIMEEV": "BSE", "ACFDT": "RPA", "RPA": "RPA"}
_NO_MESH: Final = "SCF Along Lines"
"""Self-consistent with the density of lines alone; "SCF Line" has a mesh, and lines of no weight beside it."""
LINE_KINDS: Final = ("NSCF Line", "SCF Line", _NO_MESH)
"""Kinds of run with k-points along lines."""
_GW: Final = ("GW", "EVGW", "QPGW", "SCGW", "G0W0")


def kind_of_run(tags: VaspTags, *, k_points_along_lines: bool, k_point_weights: Sequence[float] = ()) -> str:
    """Name the kind of run.

    Parameters
    ----------
    tags
        Of the run.
    k_points_along_lines
        Whether they are along lines rather than a mesh.
    k_point_weights
        Of each k-point; those without weight in a self-consistent run are along lines.

    Examples
    --------
    >>> kind_of_run(VaspTags.of({"NSW": 99, "IBRION": 2, "ISIF": 2}, {}), k_points_along_lines=False)
    'Structure Optimization'
    """
    motion, steps = ionic_motion(tags), tags.number("NSW", 0)
    algorithm = str(tags.get("ALGO", "Normal")).strip().upper()
    if tags.number("IMAGES", 0) > 0:
        return "Nudged Elastic Band"
    if tags.number("ICHARG", 0) >= 10:
        return "NSCF Line" if k_points_along_lines else "NSCF Uniform"
    if tags.on("LEPSILON"):
        return f"{'DFPT ' if motion in (7, 8) else ''}Dielectric"
    if motion in _OTHER_MOTION:
        return _OTHER_MOTION[motion]
    if tags.on("LCHIMAG"):
        return "NMR Nuclear Shielding"
    if tags.on("LEFG"):
        return "NMR Electric Field Gradient"
    if algorithm in _RESPONSE or algorithm.startswith(_GW):
        return _RESPONSE.get(algorithm, "GW")
    if tags.on("LOPTICS") and algorithm.startswith("E"):  # Exact: the bands of an earlier run, for their transitions
        return "Optic"
    if k_points_along_lines:
        return _NO_MESH
    if motion == 0 and steps > 0:
        return MOLECULAR_DYNAMICS
    if motion in _RELAXING and steps > 0:
        return RELAXATION
    if steps > 0 and motion not in (-1, 0):
        return f"IBRION = {motion}"
    return "SCF Line" if any(weight < 1e-8 for weight in k_point_weights) else STATIC


def ionic_motion(tags: VaspTags) -> int:
    """IBRION that VASP took: without the tag, none where NSW is 0 or -1, else molecular dynamics."""
    return int(tags.number("IBRION", -1 if tags.number("NSW", 0) in (-1, 0) else 0))
