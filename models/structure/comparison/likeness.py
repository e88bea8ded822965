"""Whether two crystals that are alike are one structure, or two of one family: polymorphs that little tells apart.

Within StructureMatcher's tolerances lie displacements of half an Å and tetragonal strains of a third, and with them
quartz of both kinds, perovskites with and without tilts or dipoles, flat layers and buckled ones. What tells such
structures apart is their symmetry, so that decides here. Knows structures only; what is made of energies and magnetic
moments is up to others.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import spglib
from pymatgen.analysis.structure_matcher import ElementComparator, StructureMatcher

from ..vacuum import VACUUM, set_vacuum_of_arrays
from .cell_matching import Misfit, least_misfit
from .matching import DEFAULT_TOLERANCES, Prepared
from .reduced_cells import ReducedCell, reduced_cell

SITE_TOLERANCE: Final = 0.2
"""Cube roots of the volume per atom by which an atom may lie elsewhere within one structure: what is predicted and not
relaxed yet is off by as much, where its symmetry is the same."""
STRAIN_TOLERANCE: Final = 0.1
"""Share by which one cell may be stretched against another of its volume: functionals differ by as much across the
layers of a crystal; CsCl becomes CuAu by 0.26."""
SYMMETRY_TOLERANCE: Final = 0.1
"""Å between an atom and the image of another by an operation, so about twice by how much each is off. Relaxed
structures of databases need that much; the least displacements that make another phase, as of Ti in BaTiO3 (0.1 Å off
its place: G. H. Kwei et al., J. Phys. Chem. 97, 2368 (1993)), are twice that between image and image."""
NEAR: Final = (0.05, 0.02)
"""Å and share: no atom further off, no vector stretched more, and it is the same structure whatever its symmetry."""
NEAR_WITHOUT_SYMMETRY: Final = 0.1
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
_NO_SYMMETRY: Final = 1
os.environ.setdefault("SPGLIB_WARNING", "OFF")  # it tells on stderr of every finer tolerance that it tries
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


class Finer:
    """A prepared structure with what the finer comparison needs of it, found once and when it is needed.

    Parameters
    ----------
    prepared
        As it is compared by `matching`.
    """

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared

    @cached_property
    def cell(self) -> ReducedCell | None:
        """Its primitive cell where only translations within `SYMMETRY_TOLERANCE` count: tilts double it."""
        wide = self.prepared.cell
        matrix, pbc, fractional, species = self.prepared.dense
        if wide is None or len(wide.fractional) == len(species):  # no translation is left out by the tighter one
            return wide
        return reduced_cell(matrix, fractional, species, pbc=pbc, tolerance=SYMMETRY_TOLERANCE)

    @cached_property
    def space_group(self) -> int:
        """Number of its space group; 0 where there is none to be found."""
        matrix, fractional, kinds = self._for_symmetry()
        cell = matrix.tolist(), fractional.tolist(), kinds
        try:
            data = spglib.get_symmetry_dataset(cell, symprec=SYMMETRY_TOLERANCE)
        except spglib.SpglibError:
            return 0
        return 0 if data is None else int(data.number)

    def _for_symmetry(self) -> tuple[np.ndarray, np.ndarray, list[int]]:
        matrix, _, fractional, species = self.prepared.arrays
        cell = self.cell
        if self.prepared.key[1] != "bulk":  # in a dense cell a layer might be taken for a crystal of more symmetry
            matrix, fractional = set_vacuum_of_arrays(matrix, fractional, VACUUM, self.prepared.gap)
            if cell is not None and len(cell.fractional) < len(species):
                cell = reduced_cell(matrix, fractional, species, tolerance=SYMMETRY_TOLERANCE)
            else:
                cell = None
        if cell is not None:
            return cell.matrix, cell.fractional, np.repeat(np.arange(len(cell.counts)), cell.counts).tolist()
        names = [str(mixture) for mixture in species]
        kinds = {name: number for number, name in enumerate(dict.fromkeys(names))}
        return matrix, fractional, [kinds[name] for name in names]


def likeness(known: Finer, query: Finer, misfit: Misfit | bool = True) -> Likeness:  # noqa: FBT001, FBT002
    """Compare two structures more closely that are alike.

    Parameters
    ----------
    known, query
        As they were given to `matching.Comparison`.
    misfit
        What its `misfit` found; True where that isn't known.
    """
    wide = misfit if isinstance(misfit, Misfit) and misfit.small else _misfit(known.prepared, query.prepared)
    tight = wide
    if known.cell is not None and query.cell is not None:
        if known.cell.counts != query.cell.counts:
            sizes = " and ".join(str(sum(one.cell.counts)) for one in (known, query) if one.cell is not None)
            return _likeness(f"primitive cells of {sizes} atoms", wide)
        if known.prepared.cell is None or known.cell.counts != known.prepared.cell.counts:
            tight = least_misfit(known.cell, query.cell, **_WIDE)
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
    if _NO_SYMMETRY in groups and tight.strain <= strain and tight.furthest <= NEAR_WITHOUT_SYMMETRY:
        return _likeness("hardly off, one without symmetry", tight, groups, same=True)
    return _likeness("other space groups", tight, groups)


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
    matcher = StructureMatcher(ltol=length, stol=site, angle_tol=angle, comparator=ElementComparator())
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
