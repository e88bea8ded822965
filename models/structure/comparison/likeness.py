"""Whether two crystals that are alike are one structure, or two of one family: polymorphs that little tells apart.

Within StructureMatcher's tolerances lie displacements of half an Å and tetragonal strains of a third, and with them
quartz of both kinds, perovskites with and without tilts or dipoles, flat layers and buckled ones. What tells such
structures apart is their symmetry, so that decides here. Knows structures only; what is made of energies and magnetic
moments is up to others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from pymatgen.analysis.structure_matcher import ElementComparator, StructureMatcher

from .cell_matching import Misfit, least_misfit
from .matching import DEFAULT_TOLERANCES, Prepared
from .reduced_cells import ReducedCell

SITE_TOLERANCE: Final = 0.2
"""Cube roots of the volume per atom by which an atom may lie elsewhere within one structure: what is predicted and not
relaxed yet is off by as much, where its symmetry is the same."""
STRAIN_TOLERANCE: Final = 0.1
"""Share by which one cell may be stretched against another of its volume: functionals differ by as much across the
layers of a crystal; CsCl becomes CuAu by 0.26."""
NEAR: Final = (0.05, 0.02)
"""Å and share: no atom further off, no vector stretched more, and it is the same structure whatever its symmetry."""
NEAR_IF_RATTLED: Final = 0.1
"""Å. What has no symmetry at all may be rattled: where its atoms are no further off, it is the other structure."""
_ENANTIOMORPHS: Final = {
    right: left
    for left, right in (
        *((76, 78), (91, 95), (92, 96), (144, 145), (151, 153), (152, 154), (169, 170), (171, 172)),
        *((178, 179), (180, 181), (212, 213)),
    )
}
"""Space groups that are mirror images of each other, by International Tables for Crystallography A: the crystals are
left and right, and alike in every energy."""
_DIGITS: Final = 4
_WIDE: Final = dict(zip(("length", "site", "angle"), DEFAULT_TOLERANCES, strict=True))


@dataclass(frozen=True, slots=True)
class Likeness:
    """How two crystals that are alike compare.

    Attributes
    ----------
    same
        Whether they are one structure.
    because
        What tells them apart, or what they have in common, in words.
    rms, furthest
        Å: root mean square and largest distance of atoms; None where that could not be measured.
    strain
        By which share the cell has to be stretched at equal volume, where that is most; None likewise.
    space_groups
        Numbers at `SYMMETRY_TOLERANCE`, 0 for one that was not found; None where they weren't looked at.
    """

    same: bool
    because: str
    rms: float | None
    furthest: float | None
    strain: float | None
    space_groups: tuple[int, int] | None


def likeness(known: Prepared, query: Prepared, misfit: Misfit | bool = True) -> Likeness:  # noqa: FBT001, FBT002
    """Compare two structures more closely that are alike.

    Parameters
    ----------
    known, query
        As they were given to `matching.Comparison`.
    misfit
        What its `misfit` found; True where that isn't known.
    """
    wide = misfit if isinstance(misfit, Misfit) and misfit.small else _misfit(known, query)
    tight = wide
    one, other = known.tight_cell, query.tight_cell
    if one is not None and other is not None:
        if one.counts != other.counts:
            sizes = f"{sum(one.counts)} and {sum(other.counts)}"
            one, other = _calm(known, one, other), _calm(query, other, one)
            if one.counts != other.counts:
                return _likeness(f"primitive cells of {sizes} atoms", wide)
        if known.cell is None or known.cell.counts != one.counts:
            tight = least_misfit(one, other, **_WIDE)
    if tight is None:
        return _likeness("no primitive cell in common", wide)
    if tight.site > SITE_TOLERANCE or tight.strain > STRAIN_TOLERANCE:
        return _likeness("atoms far apart" if tight.site > SITE_TOLERANCE else "cells of another shape", tight)
    near, strain = NEAR
    if tight.strain <= strain and tight.furthest <= near:
        return _likeness("no atom off its place", tight, same=True)
    groups = known.space_group, query.space_group
    if 0 in groups:
        return _likeness("symmetry not found", tight, groups)
    if groups[0] == groups[1]:
        return _likeness("the same space group", tight, groups, same=True)
    if _ENANTIOMORPHS.get(groups[0], groups[0]) == _ENANTIOMORPHS.get(groups[1], groups[1]):
        return _likeness("space groups that mirror each other", tight, groups, same=True)
    slightly_off = tight.strain <= strain and tight.furthest <= NEAR_IF_RATTLED
    if slightly_off and (known.maybe_rattled or query.maybe_rattled):
        return _likeness("hardly off, one without symmetry", tight, groups, same=True)
    return _likeness("other space groups", tight, groups)


def _calm(own: Prepared, cell: ReducedCell, other: ReducedCell) -> ReducedCell:
    """Primitive cell of a structure, without its noise where it may be a larger cell of the other for nothing else."""
    if sum(cell.counts) > sum(other.counts) and own.maybe_rattled:
        return own.calm_cell or cell
    return cell


def _likeness(
    because: str, own: Misfit | None, groups: tuple[int, int] | None = None, *, same: bool = False
) -> Likeness:
    if own is None:
        return Likeness(same, because, None, None, None, groups)
    rms, furthest, strain = (round(value, _DIGITS) for value in (own.rms, own.furthest, own.strain))
    return Likeness(same, because, rms, furthest, strain, groups)


def _misfit(a: Prepared, b: Prepared) -> Misfit | None:
    if a.cell is not None and b.cell is not None:
        return least_misfit(a.cell, b.cell, **_WIDE)
    length, site, angle = DEFAULT_TOLERANCES
    matcher = StructureMatcher(
        ltol=length, stol=site, angle_tol=angle, primitive_cell=False, comparator=ElementComparator()
    )
    distances = matcher.get_rms_dist(a.reduced, b.reduced)
    if distances is None:
        return None
    rms, furthest = distances
    unit = float(np.cbrt((a.reduced.volume + b.reduced.volume) / 2 / len(a.reduced)))
    matched = matcher.get_s2_like_s1(a.reduced, b.reduced)
    if matched is None:
        return None
    stretches = np.linalg.svd(np.linalg.solve(a.reduced.lattice.matrix, matched.lattice.matrix), compute_uv=False)
    stretches /= np.cbrt(stretches.prod())
    return Misfit(rms * unit, furthest * unit, furthest, float(np.exp(np.abs(np.log(stretches)).max()) - 1))
