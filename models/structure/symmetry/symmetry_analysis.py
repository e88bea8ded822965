"""Space groups and standard cells of structures, by spglib, with the tolerance in sight.

A structure whose symmetry cannot be found is an answer with a reason, not a crash. It knows no database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import spglib
from pymatgen.core.composition import Composition
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

SYMPREC: Final = 0.01
"""Å. pymatgen's SpacegroupAnalyzer takes the same; relaxed structures of databases often want 0.1."""
ANGLE_TOLERANCE: Final = 5.0
"""Degrees, as in pymatgen's SpacegroupAnalyzer."""

_LAST_NUMBERS: Final = (
    (2, "triclinic"),
    (15, "monoclinic"),
    (74, "orthorhombic"),
    (142, "tetragonal"),
    (167, "trigonal"),
    (194, "hexagonal"),
    (230, "cubic"),
)
"""International Tables for Crystallography A: the last space group of each crystal system."""

_Cell = tuple[list[list[float]], list[list[float]], list[int]]


@dataclass(frozen=True, slots=True)
class SpaceGroup:
    """A space group, or why none was found.

    Attributes
    ----------
    number, symbol, crystal_system
        By International Tables, short Hermann-Mauguin symbol ("P6_3/mmc"); None when not found.
    tolerance
        Å within which atoms were taken as equivalent.
    reason
        Why it was not found; None when it was.
    """

    number: int | None
    symbol: str | None
    crystal_system: str | None
    tolerance: float
    reason: str | None = None

    def fields(self) -> dict[str, int | str] | None:
        """Name number, symbol and crystal system as stored with a material; None when not found."""
        if self.number is None or self.symbol is None or self.crystal_system is None:
            return None
        return {"number": self.number, "symbol": self.symbol, "crystal_system": self.crystal_system}


def crystal_system(number: int) -> str:
    """Name the crystal system of a space group number, 1 to 230.

    Raises
    ------
    ValueError
        For another number.
    """
    if not 1 <= number <= _LAST_NUMBERS[-1][0]:
        raise ValueError(f"space group numbers go from 1 to 230, not {number}")
    return next(name for last, name in _LAST_NUMBERS if number <= last)


def space_group(structure: Structure, *, tolerance: float = SYMPREC) -> SpaceGroup:
    """Find the space group.

    Parameters
    ----------
    structure
        Disordered sites are told apart by their mixtures; magnetic moments are not looked at.
    tolerance
        Å, spglib's symprec.
    """
    try:
        data = spglib.get_symmetry_dataset(_cell(structure)[0], symprec=tolerance, angle_tolerance=ANGLE_TOLERANCE)
    except spglib.SpglibError as error:
        return SpaceGroup(None, None, None, tolerance, f"spglib found no symmetry at {tolerance:g} Å: {error}")
    if data is None:
        return SpaceGroup(None, None, None, tolerance, f"spglib found no symmetry at {tolerance:g} Å")
    number = int(data.number)
    return SpaceGroup(number, str(data.international), crystal_system(number), tolerance)


def primitive_cell(structure: Structure, *, tolerance: float = SYMPREC) -> Structure | None:
    """Find the standard primitive cell, atoms where they are; None when there is no symmetry.

    Site properties are not carried over, because sites are merged.
    """
    return _standard(structure, tolerance, to_primitive=True)


def conventional_cell(structure: Structure, *, tolerance: float = SYMPREC) -> Structure | None:
    """Find the standard conventional cell, atoms where they are; None when there is no symmetry.

    Site properties are not carried over, because sites may be multiplied.
    """
    return _standard(structure, tolerance, to_primitive=False)


def _standard(structure: Structure, tolerance: float, *, to_primitive: bool) -> Structure | None:
    cell, mixtures = _cell(structure)
    try:
        standard = spglib.standardize_cell(
            cell, to_primitive=to_primitive, no_idealize=True, symprec=tolerance, angle_tolerance=ANGLE_TOLERANCE
        )
    except spglib.SpglibError:
        return None  # documented
    if standard is None:
        return None
    matrix, fractional, kinds = standard
    return Structure(Lattice(matrix), [mixtures[kind] for kind in kinds], fractional)


def _cell(structure: Structure) -> tuple[_Cell, list[Composition]]:
    """Turn a structure into spglib's (cell vectors, fractional coordinates, kinds of site)."""
    kinds: dict[Composition, int] = {}
    numbers = [kinds.setdefault(site.species, len(kinds)) for site in structure]
    return (structure.lattice.matrix.tolist(), structure.frac_coords.tolist(), numbers), list(kinds)
