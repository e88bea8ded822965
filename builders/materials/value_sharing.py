"""Which documents of one structure share their values: those whose energies and magnetic moments do not disagree.

Knows documents of `materials` as their sources gave them; whether structures are the same was found before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from ..engine.batches import Doc

ENERGIES: Final = ("energy_per_atom", "formation_energy", "energy_above_hull", "decomposition_energy")
ENERGY_TOLERANCE: Final = 0.02
"""eV/atom. Calculations of one structure by one source and method differ by a few meV/atom."""
MOMENT_TOLERANCE: Final = (0.1, 0.25)
"""Bohr magnetons per atom, and share of the larger moment: what U or another functional changes is less than both."""
FIELDS: Final = (*ENERGIES, "methods", "source", "magnetization")
"""What has to be read of a material beside its structure."""
NEAR: Final = (0.1, 0.06)
"""Å (rms) and strain: so near, structures with other moments are magnetic states of one, its cell distorted by them."""


def disagreement(a: Doc, b: Doc) -> Doc | None:
    """Why two documents of one structure are not the same material, with the figures; None where nothing says so."""
    if moments := other_moments(a, b):
        return {"relation": "other magnetic state", "moments": moments}
    difference = energy_difference(a, b)
    if difference is not None and abs(difference) > ENERGY_TOLERANCE:
        return {"relation": "other energy", "energy_difference": difference}
    return None


def energy_difference(a: Doc, b: Doc) -> float | None:
    """Energy of `b` minus that of `a`, eV/atom, the largest of those one source gives by one method; None without."""
    if a.get("source") != b.get("source"):
        return None
    differences = [
        round(b[name] - a[name], 4)
        for name in ENERGIES
        if a.get(name) is not None
        and b.get(name) is not None
        and a.get("methods", {}).get(name) == b.get("methods", {}).get(name)
    ]
    return max(differences, key=abs, default=None)


def other_moments(a: Doc, b: Doc) -> list[list[float]] | None:
    """Net and mean absolute moments per atom of both, where either differs; None where not, or where none is known."""
    moments = _moments(a), _moments(b)
    least, share = MOMENT_TOLERANCE
    for mine, other in zip(*moments, strict=True):
        if mine is not None and other is not None and abs(mine - other) > max(least, share * max(mine, other)):
            return [[round(moment, 3) for moment in own if moment is not None] for own in moments]
    return None


def _moments(material: Doc) -> tuple[float | None, float | None]:
    """Net moment and mean absolute moment, Bohr magnetons per atom, of what is known of them."""
    sites = material["structure"]["sites"]
    of_sites = [(site.get("properties") or {}).get("magmom") for site in sites]
    if all(isinstance(moment, int | float) for moment in of_sites):
        moments = np.array(of_sites, dtype=np.float64)
        return abs(float(moments.mean())), float(np.abs(moments).mean())
    total = material.get("magnetization")
    return (None if total is None else abs(total) / len(sites)), None


def sharing(materials: Sequence[Doc]) -> list[list[Doc]]:
    """Sort documents of one structure into groups that share their values, each joining the first that it fits.

    Parameters
    ----------
    materials
        In the order of their ids, so that the groups do not depend on when each came.
    """
    groups: list[list[Doc]] = []
    for material in materials:
        for group in groups:
            if all(disagreement(other, material) is None for other in group):
                group.append(material)
                break
        else:
            groups.append([material])
    return groups
