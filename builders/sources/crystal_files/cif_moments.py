"""Magnetic moments that a CIF states of its atoms, kept as they are stated, or a reason why they can't be.

Names and their meaning: the magnetic CIF dictionary of the IUCr (magCIF), category ATOM_SITE_MOMENT.
"""

from collections.abc import Sequence
from typing import Any, Final

from ..records.raw_record import BadRecord
from .cif_text import Block, read_block, read_number

_CATEGORY: Final = "_atom_site_moment"
_VECTORS: Final = {
    "crystalaxis": ("x", "y", "z"),  # µB along unit vectors of the cell's axes
    "cartn": ("x", "y", "z"),  # µB
    "spherical": ("modulus", "polar", "azimuthal"),  # µB and degrees
}
_REMEDY: Final = "correct the moments, or leave them out"


def read_moments(text: str) -> list[dict[str, Any]]:
    """Moments of a data block, one for each row that states one; empty where none does.

    Returns
    -------
    list of dict
        ``label`` of the atom in the file, and what is stated of ``crystalaxis`` (µB along the axes of the cell),
        ``cartn`` (µB), ``spherical`` (modulus in µB, polar and azimuthal angle in degrees); what else stands in a row
        as it is written. Moments of atoms that symmetry makes of one follow from the magnetic group.

    Raises
    ------
    BadRecord
        A moment is of no atom of the list, stated twice, or no vector.
    """
    if _CATEGORY not in text.lower():
        return []
    block = read_block(text)
    names = [name for name in (*block.loops, *block.items) if name.startswith(_CATEGORY)]
    vectors = {f"{_CATEGORY}_{vector}_{part}" for vector, parts in _VECTORS.items() for part in parts}
    others = [name for name in names if name not in vectors and name != f"{_CATEGORY}_label"]
    atoms = block.column("_atom_site_label") or []
    labels = block.column(f"{_CATEGORY}_label") or atoms
    moments = [_moment(block, row, label or "", others) for row, label in enumerate(labels)]
    stated = [moment for moment in moments if len(moment) > 1]
    for moment in stated:
        if moment["label"] not in atoms:
            raise BadRecord(f"it states a moment of {moment['label']}, which is no atom of its list", remedy=_REMEDY)
        if sum(other["label"] == moment["label"] for other in stated) > 1:
            raise BadRecord(f"it states the moment of {moment['label']} twice", remedy=_REMEDY)
    return stated


def _moment(block: Block, row: int, label: str, others: Sequence[str]) -> dict[str, Any]:
    moment: dict[str, Any] = {"label": label}
    for vector, parts in _VECTORS.items():
        columns = [block.column(f"{_CATEGORY}_{vector}_{part}") for part in parts]
        values = [column[row] if column is not None and row < len(column) else None for column in columns]
        if any(values):
            if None in values:
                raise BadRecord(f"the moment of {label} lacks a component", remedy=_REMEDY)
            moment[vector] = [read_number(value or "", f"the moment of {label}").value for value in values]
    for name in others:
        column = block.column(name) or []
        if row < len(column) and column[row]:
            moment[name.removeprefix(f"{_CATEGORY}_")] = column[row]
    return moment
