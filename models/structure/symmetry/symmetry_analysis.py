"""Space groups, layer groups and standard cells of structures, by spglib, with the tolerance in sight.

A structure whose symmetry cannot be found is an answer with a reason, not a crash. It knows no database.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import spglib
from pymatgen.core.composition import Composition
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from ..vacuum import set_vacuum

SYMPREC: Final = 0.01
"""Å. pymatgen's SpacegroupAnalyzer takes the same; relaxed structures of databases often want 0.1."""
LOOSE_SYMPREC: Final = 0.1
"""Å, up to which a higher symmetry is sought. Of 980 records of 2DMatPedia 108 have another space group than the one
stated there at 0.01 Å, and one at 0.1 Å; the Materials Project takes 0.1 Å as well."""
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
_LAST_LAYER_NUMBERS: Final = (
    (2, "triclinic"),
    (18, "monoclinic"),
    (48, "orthorhombic"),
    (64, "tetragonal"),
    (72, "trigonal"),
    (80, "hexagonal"),
)
"""International Tables for Crystallography E: the last layer group of each crystal system."""

_Cell = tuple[list[list[float]], list[list[float]], list[int]]


@dataclass(frozen=True, slots=True)
class SpaceGroup:
    """A space group or layer group, or why none was found.

    Attributes
    ----------
    number, symbol, crystal_system
        By International Tables (A of space groups, E of layer groups), short Hermann-Mauguin symbol ("P6_3/mmc",
        "p-6m2"); None when not found.
    tolerance
        Å within which atoms were taken as equivalent.
    reason
        Why it was not found; None when it was.
    operations
        How many symmetry operations the cell has, translations within it included.
    """

    number: int | None
    symbol: str | None
    crystal_system: str | None
    tolerance: float
    reason: str | None = None
    operations: int = 0

    def fields(self) -> dict[str, int | str] | None:
        """Name number, symbol and crystal system as stored with a material; None when not found."""
        if self.number is None or self.symbol is None or self.crystal_system is None:
            return None
        return {"number": self.number, "symbol": self.symbol, "crystal_system": self.crystal_system}


_POINT_GROUP_ORDERS: Final = {
    symbol: order
    for order, symbols in {
        1: "1",
        2: "-1 2 m",
        3: "3",
        4: "2/m 222 mm2 4 -4",
        6: "-3 32 3m 6 -6",
        8: "mmm 4/m 422 4mm -42m -4m2",
        12: "-3m 6/m 622 6mm -6m2 -62m 23",
        16: "4/mmm",
        24: "6/mmm m-3 432 -43m",
        48: "m-3m",
    }.items()
    for symbol in symbols.split()
}
"""By Hermann-Mauguin symbol as spglib writes it, International Tables for Crystallography A."""


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
    return _group(
        lambda: spglib.get_symmetry_dataset(_cell(structure)[0], symprec=tolerance, angle_tolerance=ANGLE_TOLERANCE),
        _LAST_NUMBERS,
        tolerance,
    )


def layer_group(layer: Structure, *, tolerance: float = SYMPREC) -> SpaceGroup:
    """Find the layer group: the symmetry of what has two periods, of which the vacuum is none.

    Parameters
    ----------
    layer
        A layer in vacuum, which crosses any cell vector.
    tolerance
        Å, spglib's symprec.
    """
    upright = set_vacuum(layer)
    return _group(
        lambda: spglib.get_symmetry_layerdataset(_cell(upright)[0], aperiodic_dir=2, symprec=tolerance),
        _LAST_LAYER_NUMBERS,
        tolerance,
    )


def _group(dataset: Callable[[], Any], last_numbers: tuple[tuple[int, str], ...], tolerance: float) -> SpaceGroup:
    reason = f"spglib found no symmetry at {tolerance:g} Å"
    try:
        data = dataset()
    except spglib.SpglibError as error:
        return SpaceGroup(None, None, None, tolerance, f"{reason}: {error}")
    if data is None:
        return SpaceGroup(None, None, None, tolerance, reason)
    number = int(data.number)
    system = next(name for last, name in last_numbers if number <= last)
    # A dataset lists only those operations that the axes of the cell allow, which a supercell's may not.
    copies = len(data.mapping_to_primitive) // (int(data.mapping_to_primitive.max()) + 1)
    return SpaceGroup(
        number, str(data.international), system, tolerance, None, _POINT_GROUP_ORDERS[data.pointgroup.strip()] * copies
    )


def symmetry_fields(
    structure: Structure, find: Callable[..., SpaceGroup] = space_group
) -> dict[str, int | str | float | dict[str, int | str | float]] | None:
    """Number, symbol and crystal system as stored: of the highest symmetry within 0.1 Å, and that within 0.01 Å.

    Parameters
    ----------
    structure
        A crystal, or a layer in vacuum.
    find
        `space_group` or `layer_group`.

    Returns
    -------
    dict
        Also the tolerance, Å; ``exact`` has number, symbol and tolerance where the symmetry is lower within 0.01 Å.
        None when none was found.

    Examples
    --------
    >>> from pymatgen.core import Lattice, Structure
    >>> symmetry_fields(Structure(Lattice.cubic(3.35), ["Po"], [[0, 0, 0]]))["symbol"]
    'Pm-3m'
    """
    exact, loose = (find(structure, tolerance=tolerance) for tolerance in (SYMPREC, LOOSE_SYMPREC))
    higher = loose if loose.operations > exact.operations else exact
    fields = higher.fields()
    if fields is None:
        return None
    result: dict[str, int | str | float | dict[str, int | str | float]] = {**fields, "tolerance": higher.tolerance}
    if higher is loose and exact.number is not None and exact.symbol is not None:
        result["exact"] = {"number": exact.number, "symbol": exact.symbol, "tolerance": exact.tolerance}
    return result


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
