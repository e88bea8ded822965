"""The parts of a document that every reader makes in the same way: formula, structure, numbers, and what is left over.

Knows the fields of the ``materials`` and ``reference_entries`` collections and checks what goes into them; knows no
file format and no database.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pymatgen.core.structure import Structure

from ....models.composition.formula.formulas import (
    FormulaError,
    FormulaFacts,
    describe,
    describe_all,
    from_amounts,
    read_one,
)
from ....models.structure.plausibility import density, implausible
from ....models.structure.serialization import BadStructure, from_plain, to_plain
from ....models.structure.vacuum import with_vacuum
from .agreement import check_agreement
from .raw_record import UNPRINTABLE, BadRecord
from .units import PLAUSIBLE, UNITS_OF_FIELD

MAX_EXTRA_BYTES = 64 * 1024
"""A single value of ``extra`` larger than this, as JSON, is left out and named in ``extra.left_out``."""
MAX_ID = 300
"""Characters of an id in a source."""
SAME_FRACTION = 1e-3
"""A formula and a structure may differ by this in the fraction of an element: occupancies are rounded."""

_INT64 = 2**63
_SPACE_GROUPS = 230
# Last space group of each crystal system (International Tables for Crystallography A).
_CRYSTAL_SYSTEMS = (
    (2, "triclinic"),
    (15, "monoclinic"),
    (74, "orthorhombic"),
    (142, "tetragonal"),
    (167, "trigonal"),
    (194, "hexagonal"),
    (230, "cubic"),
)


def identity(source: str, source_id: str, source_version: str | None) -> dict[str, Any]:
    """Fields that say which record of which source a material is.

    Raises
    ------
    BadRecord
        The id in the source can't be one: it is empty, too long, or holds control characters.
    """
    if not source_id.strip() or len(source_id) > MAX_ID or UNPRINTABLE.search(source_id):
        raise BadRecord(
            f"its id is {source_id[:40]!r}{'…' if len(source_id) > 40 else ''}, which can't be one",
            remedy=f"give an id of at most {MAX_ID} printable characters, or choose another column for it",
        )
    storable(source_id, "its id")
    fields = {"material_id": f"{source}:{source_id}", "source": source, "source_id": source_id}
    return fields | ({"source_version": source_version} if source_version is not None else {})


def facts_fields(facts: FormulaFacts) -> dict[str, Any]:
    """Fields that follow from a formula."""
    return {
        "formula_reduced": facts.reduced,
        "formula_anonymous": facts.anonymous,
        "chemsys": facts.chemsys,
        "elements": list(facts.elements),
        "nelements": facts.nelements,
    }


def formula_fields(formula: str) -> dict[str, Any]:
    """Field ``formula`` as it is, and those that follow from it.

    Raises
    ------
    BadRecord
        Where it is no formula.
    """
    try:
        return {"formula": formula, **facts_fields(describe(formula))}
    except FormulaError as error:
        raise BadRecord(f"bad formula {error}", remedy="write element symbols and amounts") from error


def facts_of_amounts(amounts: Mapping[str, float]) -> FormulaFacts:
    """Reduced and anonymous formula, chemical system and elements of a composition of atoms by element.

    Raises
    ------
    BadRecord
        Where it is no composition.
    """
    try:
        return _facts(tuple(sorted(amounts.items())))
    except FormulaError as error:
        raise BadRecord(f"bad composition {error}", remedy="give atoms by element symbol") from error


@lru_cache(maxsize=1024)
def _facts(amounts: tuple[tuple[str, float], ...]) -> FormulaFacts:
    return describe_all(from_amounts([dict(amounts)]))[0]


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
    amounts = amounts_of(structure)
    volume = float(structure.lattice.volume)
    fields |= {
        "formula": written(amounts),
        **facts_fields(facts_of_amounts(amounts)),
        "structure": to_plain(structure),
        "nsites": len(structure),
        "volume": volume,
        "density": density(amounts, volume),
    }
    return fields if structure.is_ordered else {**fields, "disordered": True}


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


def claim_dimension(document: dict[str, Any], dimension: int | None) -> None:
    """Note what a source claims of all its records, where it claims anything.

    Raises
    ------
    BadRecord
        The record itself says otherwise.
    """
    if dimension is None:
        return
    if document.setdefault("dimension_claimed", dimension) != dimension:
        raise BadRecord(
            f"the source is said to be {dimension}-dimensional, the record is periodic along "
            f"{document['dimension_claimed']} vectors",
            remedy="correct the record, or leave the dimension of the source out",
        )


def amounts_of(structure: Structure) -> dict[str, float]:
    """Atoms of each element in the cell, in alphabetical order."""
    amounts: dict[str, float] = {}
    for site in structure:
        for member, amount in site.species.items():
            symbol = member.symbol
            amounts[symbol] = amounts.get(symbol, 0.0) + amount
    return {symbol: float(amount) for symbol, amount in sorted(amounts.items())}


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


def emmet_fields(record: Mapping[str, Any]) -> dict[str, Any]:
    """Structure, formula and space group of a document with emmet-core's names: structure or formula_pretty, symmetry.

    Raises
    ------
    BadRecord
        It has neither structure nor formula, they contradict each other, or one can't be used.
    """
    if record.get("structure") is not None:
        structure = read_structure(record["structure"])
        fields = structure_fields(structure)
        check_agreement(record, fields)
        if record.get("formula_pretty") is not None:
            check_formula(record["formula_pretty"], structure)
    else:
        formula = text(record, "formula_pretty")
        if formula is None:
            raise BadRecord("it has neither structure nor formula_pretty", remedy="write either into the record")
        fields = formula_fields(formula)
    symmetry = record.get("symmetry")
    if isinstance(symmetry, Mapping) and symmetry.get("number") is not None:
        fields["space_group"] = space_group(symmetry["number"], symmetry.get("symbol"))
    return fields


def check_value(field: str, value: float) -> float:
    """Check that a field can have a value, and hand it back.

    Raises
    ------
    BadRecord
        Where a band gap is negative, or a value is so large that its unit or what it is per must be another.
    """
    if field == "band_gap" and value < 0:
        raise BadRecord(f"the band gap is {value:g} eV, which is negative", remedy="give 0 for a metal")
    low, high = PLAUSIBLE.get(field, (-math.inf, math.inf))
    if not low <= value <= high:
        unit = UNITS_OF_FIELD[field][0]
        raise BadRecord(
            f"the {field} is {value:.4g} {unit}, and none is known beyond {low:g} to {high:g}: is the unit right?",
            remedy="state the unit, and whether it is per atom or per formula, or correct the value",
        )
    return value


def number(record: Mapping[str, Any], key: str) -> float | None:
    """Take a number from a record; None where it is missing or null.

    Raises
    ------
    BadRecord
        Where it is something else, or not finite.
    """
    value = record.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRecord(f"{key} is not a number but {value!r:.60}", remedy="correct the record, or leave the field out")
    if not math.isfinite(value):
        raise BadRecord(f"{key} is {value}, which is not finite", remedy="leave the field out where it is not known")
    return float(value)


def text(record: Mapping[str, Any], key: str) -> str | None:
    """Take a text from a record; None where it is missing, null or empty.

    Raises
    ------
    BadRecord
        Where it is something else.
    """
    value = record.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise BadRecord(f"{key} is not a text but {value!r:.60}", remedy="correct the record, or leave the field out")
    return value


def space_group(number: object, symbol: object = None) -> dict[str, Any]:
    """Make the ``space_group`` field from a number (1-230) and, where there is one, a Hermann-Mauguin symbol.

    Raises
    ------
    BadRecord
        Where the number is none of a space group.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= _SPACE_GROUPS:
        raise BadRecord(f"there is no space group number {number!r:.40}", remedy="give 1 to 230, or leave it out")
    system = next(name for last, name in _CRYSTAL_SYSTEMS if number <= last)
    field = {"number": number, "crystal_system": system}
    return {**field, "symbol": symbol} if isinstance(symbol, str) and symbol else field


def extra_fields(record: Mapping[str, Any], *, used: frozenset[str]) -> dict[str, Any]:
    """Collect what a record holds beside the fields already used, in a form that can be stored.

    Values stay as they are; in keys, what MongoDB queries can't reach ("." and a leading "$") becomes "_"; names of
    Python classes are left out. Values larger than `MAX_EXTRA_BYTES` are left out and named in ``left_out``.

    Raises
    ------
    BadRecord
        Where a number is not finite or too large to store, or a text is not Unicode.
    """
    extra: dict[str, Any] = {}
    left_out: list[str] = []
    for key, value in record.items():
        if key in used or key.startswith("@") or value is None:
            continue
        if isinstance(value, list | dict) and len(json.dumps(value)) > MAX_EXTRA_BYTES:
            left_out.append(key)
        elif (name := _key(key)) in extra:
            raise BadRecord(f"two of its fields are stored as {name}: {key} is one", remedy="rename one of them")
        else:
            extra[name] = storable(value, key)
    return {**extra, "left_out": sorted(left_out)} if left_out else extra


def storable(value: Any, place: str) -> Any:
    """Convert a JSON value to a form that can be stored.

    Raises
    ------
    BadRecord
        As `extra_fields`; `place` names the value.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise BadRecord(f"{place} is {value}, which is not finite", remedy="leave the field out where it is not known")
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        raise BadRecord(f"{place} is an integer beyond 64 bits", remedy="write it as a text or with a decimal point")
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise BadRecord(f"{place} holds half a character: {error.reason}", remedy="correct the text") from error
    if isinstance(value, list):
        return [storable(item, place) for item in value]
    if isinstance(value, dict):
        return {_key(key): storable(item, f"{place}.{key}") for key, item in value.items() if not key.startswith("@")}
    return value


def _key(key: str) -> str:
    return storable(key, "a key").replace(".", "_").replace("\x00", "_").replace("$", "_") or "_"


class Occurrences:
    """Numbers records that have no id of their own: ``<reduced formula>-<n>``, n counted in one file from 1."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def next_id(self, reduced: str) -> str:
        """Make the id of the next record of this reduced formula."""
        self._seen[reduced] += 1
        return f"{reduced}-{self._seen[reduced]}"
