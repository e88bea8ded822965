"""The structure of a record and what follows from it: checked, and with the fields that every reader stores of it.

Every structure of a source passes here, of a file or a service; knows no file format and no database.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from pymatgen.core.structure import Structure

from ....models.composition.formula.formulas import FormulaError, read_one
from ....models.structure.atom_overlap import cell_volume
from ....models.structure.plausibility import density, implausible
from ....models.structure.serialization import BadStructure, from_plain, to_plain
from ....models.structure.vacuum import with_vacuum
from .material_fields import facts_fields, facts_of_amounts
from .raw_record import BadRecord

SAME_FRACTION: Final = 1e-3
"""A formula and a structure may differ by this in the fraction of an element: occupancies are rounded."""


def read_structure(plain: object) -> Structure:
    """Build a checked structure from a dict in pymatgen's form; classes it names are ignored.

    Raises
    ------
    BadRecord
        Where it is no usable structure, or none that can be.
    """
    if not isinstance(plain, Mapping):
        raise BadRecord(
            f"the structure is not an object but {type(plain).__name__}", remedy="give a pymatgen structure"
        )
    return _plausible(plain)


def checked(structure: Structure) -> Structure:
    """Structure of another parser in the form of `read_structure`, checked in the same way.

    Raises
    ------
    BadRecord
        Where it is not usable.
    """
    try:
        return _plausible(to_plain(structure))
    except BadStructure as bad:
        raise BadRecord(f"bad structure: {bad.reason}", remedy="correct the structure") from bad


def _plausible(plain: Mapping[str, Any]) -> Structure:
    # Every structure of a source passes here, of a file or a service.
    try:
        return from_plain(plain, min_distance=0, fault=implausible)
    except BadStructure as bad:
        raise BadRecord(f"bad structure: {bad.reason}", remedy="correct the structure") from bad


def structure_fields(structure: Structure) -> dict[str, Any]:
    """Fields of a structure and what follows from it: formula, cell content, volume (Å^3), density (g/cm^3).

    What is periodic along two vectors is a layer: it is claimed to be one, and has a vacuum along the third.

    Raises
    ------
    BadRecord
        It is periodic along one vector or none.
    """
    fields: dict[str, Any] = {}
    if not all(structure.lattice.pbc):
        structure = _layer(structure)
        fields["dimension_claimed"] = 2
    amounts, ordered = _contents(structure)
    volume = cell_volume(structure.lattice.matrix)
    fields |= {
        "formula": written(amounts),
        **facts_fields(facts_of_amounts(amounts)),
        "structure": to_plain(structure),
        "nsites": len(structure),
        "volume": volume,
        "density": density(amounts, volume),
    }
    return fields if ordered else {**fields, "disordered": True}


def _layer(structure: Structure) -> Structure:
    periodic = [axis for axis in range(3) if structure.lattice.pbc[axis]]
    if len(periodic) < 2:
        what = "a chain" if periodic else "a molecule"
        raise BadRecord(
            f"it is periodic along {len(periodic)} of its three cell vectors: {what}, no crystal and no layer",
            remedy="leave it out, or correct its periodicity",
        )
    (axis,) = {0, 1, 2} - set(periodic)
    return with_vacuum(structure, axis)


def amounts_of(structure: Structure) -> dict[str, float]:
    """Atoms of each element in the cell, in alphabetical order."""
    return _contents(structure)[0]


def _contents(structure: Structure) -> tuple[dict[str, float], bool]:
    """Atoms of each element in the cell, and whether each site is one atom's."""
    mixtures = [site.species for site in structure]
    distinct = {id(mixture): mixture for mixture in mixtures}  # few, shared by many sites
    ordered = all(len(mixture) == 1 and mixture.num_atoms == 1 for mixture in distinct.values())
    amounts: dict[str, float] = {}
    for mixture, times in (
        [(distinct[key], times) for key, times in Counter(map(id, mixtures)).items()]
        if ordered
        else [(mixture, 1) for mixture in mixtures]  # in their order: sums of parts depend on it
    ):
        for member, amount in mixture.items():
            amounts[member.symbol] = amounts.get(member.symbol, 0.0) + times * amount
    return {symbol: float(amount) for symbol, amount in sorted(amounts.items())}, ordered


def written(amounts: Mapping[str, float]) -> str:
    """Write atoms by element as a formula, without reducing it: ``Br4Si1``."""
    return "".join(f"{element}{round(amount, 6):.10g}" for element, amount in sorted(amounts.items()))


def check_formula(formula: object, structure: Structure) -> None:
    """Check that what a record calls its formula is the composition of its structure.

    Raises
    ------
    BadRecord
        Where it is not, or no formula.
    """
    if not isinstance(formula, str):
        raise BadRecord(f"the formula is not a text but {formula!r}", remedy="correct the record")
    try:
        stated = read_one(formula)
    except FormulaError as error:
        raise BadRecord(f"bad formula {error}", remedy="write element symbols and amounts") from error
    in_structure = amounts_of(structure)
    natoms, stated_natoms = sum(in_structure.values()), sum(stated.values()) or 1.0
    if any(
        abs(stated.get(el, 0.0) / stated_natoms - in_structure.get(el, 0.0) / natoms) > SAME_FRACTION
        for el in {*stated, *in_structure}
    ):
        raise BadRecord(
            f"the formula is {formula}, the structure is {facts_of_amounts(in_structure).reduced}",
            remedy="correct one of the two",
        )
