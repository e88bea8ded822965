"""What names a material, as every reader makes it: id, formula, space group, and what a source claims of it.

Knows the fields of the ``materials`` and ``reference_entries`` collections; knows no file format and no database.
"""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from ....models.composition.formula.formulas import FormulaError, FormulaFacts, describe, describe_all, from_amounts
from .raw_record import UNPRINTABLE, BadRecord
from .record_values import storable

MAX_ID: Final = 300
"""Characters of an id in a source."""

_SPACE_GROUPS: Final = 230
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


class Occurrences:
    """Numbers records that have no id of their own: ``<reduced formula>-<n>``, n counted in one file from 1."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def next_id(self, reduced: str) -> str:
        """Make the id of the next record of this reduced formula."""
        self._seen[reduced] += 1
        return f"{reduced}-{self._seen[reduced]}"


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


def claim(document: dict[str, Any], *, dimension: int | None = None, synthesised: bool | None = None) -> None:
    """Note what a source claims of all its records, where it claims anything.

    Raises
    ------
    BadRecord
        The record itself says otherwise.
    """
    if synthesised is not None:
        document["synthesised"] = synthesised
    if dimension is not None and document.setdefault("dimension_claimed", dimension) != dimension:
        raise BadRecord(
            f"the source is said to be {dimension}-dimensional, the record is periodic along "
            f"{document['dimension_claimed']} vectors",
            remedy="correct the record, or leave the dimension of the source out",
        )
