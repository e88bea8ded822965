"""Structure, formula and space group of a document with emmet-core's names, as the Materials Project gives it."""

from collections.abc import Mapping
from typing import Any

from .agreement import check_agreement
from .material_fields import formula_fields, space_group
from .raw_record import BadRecord
from .record_values import text
from .structure_fields import check_formula, read_structure, structure_fields


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
        if record.get("formula_pretty") is not None:
            check_formula(record["formula_pretty"], structure)
        check_agreement(record, fields)
    else:
        formula = text(record, "formula_pretty")
        if formula is None:
            raise BadRecord("it has neither structure nor formula_pretty", remedy="write either into the record")
        fields = formula_fields(formula)
    symmetry = record.get("symmetry")
    if isinstance(symmetry, Mapping) and symmetry.get("number") is not None:
        fields["space_group"] = space_group(symmetry["number"], symmetry.get("symbol"))
    return fields
