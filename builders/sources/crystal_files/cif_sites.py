"""The atoms that a CIF lists, one a row: which element, where, how often. What is no single atom is refused.

Names and their meaning: International Tables for Crystallography G (2006), chapter 4.1, the core dictionary.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from ..records.raw_record import BadRecord
from .cif_text import Block, Value, read_number
from .symbols import SYMBOLS

MAX_OCCUPANCY = 1.01
"""Occupancies of a place that sum to more than 1, up to this, are rounding (0.334 three times) and scaled to 1."""
MAX_UNCERTAINTY = 0.5
"""Å. An atom whose place is known no better has no place."""

_CHARGED = re.compile(r"([A-Z][a-z]?)(?:(\d?(?:\.\d+)?)([+-])|([+-])(\d(?:\.\d+)?))?")
_NUMBERED = re.compile(r"([A-Z][a-z]?)\d+")
_LABEL = re.compile(r"([A-Za-z]{1,2})(?![A-Za-z])")
_GROUP = re.compile(r"(?:H\d+O|[BCNO]\d+H)(?![a-z])")
"""A label such as H2O or N1H4 may be of the molecule."""
_AXES = ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z")
_MULTIPLICITY = ("_atom_site_symmetry_multiplicity", "_atom_site_site_symmetry_multiplicity")


@dataclass(frozen=True, slots=True)
class Atom:
    """A row of the list of atoms.

    Attributes
    ----------
    label
        Its name in the file.
    element
        Symbol; D and T are isotopes of their own here.
    charge
        Oxidation state, None where none is stated.
    position
        Fractional coordinates.
    occupancy
        Share of cells in which it is there.
    multiplicity
        Atoms in the cell that it stands for, None where that is not stated.
    doubt
        What about it is not certain without a formula that agrees; empty where nothing is.
    """

    label: str
    element: str
    charge: float | None
    position: tuple[float, float, float]
    occupancy: float
    multiplicity: float | None
    doubt: str = ""


def read_atoms(block: Block, lengths: tuple[float, float, float]) -> list[Atom]:
    """Read the atoms of a block.

    Parameters
    ----------
    block
        The data block.
    lengths
        Å, of the cell, to judge uncertainties.

    Raises
    ------
    BadRecord
        Rows that are no single atoms with a known place: all of them, in one message.
    """
    columns = {name: block.column(name) for name in _AXES}
    if None in columns.values():
        if block.column("_atom_site_cartn_x") is not None:
            raise BadRecord(
                "it gives its atoms in Cartesian coordinates, as macromolecules have them",
                remedy="give fractional coordinates",
            )
        missing = ", ".join(name for name, column in columns.items() if column is None)
        raise BadRecord(f"it has no {missing}", remedy="give fractional coordinates")
    charges = _stated_charges(block)
    atoms: list[Atom] = []
    faults: list[str] = []
    for row in _rows(block):
        label = row.get("_atom_site_label") or row.get("_atom_site_type_symbol") or "?"
        try:
            if (atom := _atom(row, label, charges, lengths)) is not None:
                atoms.append(atom)
        except BadRecord as bad:
            faults.append(f"{label}: {bad.reason}")
    if faults:
        more = f"; and {len(faults) - 20} more" if len(faults) > 20 else ""
        raise BadRecord("; ".join(faults[:20]) + more, remedy="list single atoms with their places")
    if not atoms:
        raise BadRecord("it lists no atoms", remedy="give a structure")
    if reason := _wrong_disorder(block, atoms):
        raise BadRecord(reason, remedy="give each alternative its occupancy")
    return atoms


def _rows(block: Block) -> Iterator[dict[str, Value]]:
    length = len(block.column(_AXES[0]) or ())
    names = [name for name in block.loops if name.startswith("_atom_site_") and len(block.loops[name]) == length]
    names += [name for name in block.items if name.startswith("_atom_site_")] if length == 1 else []
    for values in zip(*(block.column(name) or () for name in names), strict=True):
        yield dict(zip(names, values, strict=True))


def _atom(
    row: dict[str, Value], label: str, charges: dict[str, float], lengths: tuple[float, float, float]
) -> Atom | None:
    if (row.get("_atom_site_calc_flag") or "").lower() == "dum":
        return None  # "dummy site with meaningless coordinates"
    occupancy = _occupancy(row)
    if occupancy == 0:
        return None
    doubts = [] if occupancy is not None else [f"the occupancy of {label} is left open"]
    attached = row.get("_atom_site_attached_hydrogens")
    if attached is not None and read_number(attached, "its number of attached hydrogens").value > 0:
        raise BadRecord(f"{attached} hydrogens are attached to it, whose places are not given")
    kind = row.get("_atom_site_type_symbol")
    element, charge, doubt = _element(kind) if kind is not None else _element_of_label(label)
    position = []
    for name, length in zip(_AXES, lengths, strict=True):
        value = row[name]
        if value is None:
            raise BadRecord(f"its {name[-7:]} is not known")
        number = read_number(value, name[-7:])
        if number.uncertainty * length > MAX_UNCERTAINTY:
            raise BadRecord(f"its {name[-7:]} is {value}, uncertain by {number.uncertainty * length:.2g} Å")
        position.append(number.value)
    stated = next((row[name] for name in _MULTIPLICITY if row.get(name) is not None), None)
    return Atom(
        label,
        element,
        charges.get(kind or "", charge),
        (position[0], position[1], position[2]),
        1.0 if occupancy is None else occupancy,
        None if stated is None else read_number(stated, "its multiplicity").value,
        "; ".join(filter(None, [*doubts, doubt])),
    )


def _occupancy(row: dict[str, Value]) -> float | None:
    if "_atom_site_occupancy" not in row:
        return 1.0  # the dictionary's default
    value = row["_atom_site_occupancy"]
    if value is None:
        return None
    occupancy = read_number(value, "its occupancy").value
    if not 0 <= occupancy <= MAX_OCCUPANCY:
        raise BadRecord(f"its occupancy is {value}, which is not within 0 and 1")
    return occupancy


def _element(kind: str) -> tuple[str, float | None, str]:
    """Symbol, charge and doubt of a type of atom such as ``Fe``, ``Fe3+`` or ``O2-``."""
    match = _CHARGED.fullmatch(kind)
    if match and match[1] in SYMBOLS:
        sign, size = match[3] or match[4], match[2] or match[5]
        return match[1], None if sign is None else float(f"{sign}{size or 1}"), ""
    if (match := _NUMBERED.fullmatch(kind)) and match[1] in SYMBOLS:
        return match[1], None, f"the type {kind} may be {match[1]} or a group of atoms"
    if kind.isalpha() and kind.isupper() and kind.capitalize() in SYMBOLS:
        return kind.capitalize(), None, f"the type {kind} may be {kind.capitalize()} or a group of atoms"
    raise BadRecord(f"its type {kind!r:.20} is no element")


def _element_of_label(label: str) -> tuple[str, float | None, str]:
    match = _LABEL.match(label)
    symbol = match[1] if match else ""
    if symbol in SYMBOLS:
        return symbol, None, f"{label} may be {symbol} or a group of atoms" if _GROUP.match(label) else ""
    if symbol.capitalize() in SYMBOLS:  # NA1, CL2, of programs that know one case
        return symbol.capitalize(), None, f"{label} may be {symbol.capitalize()} or a group of atoms"
    raise BadRecord("it has no type, and its label names no element")


def stated_numbers(block: Block) -> dict[str, float] | None:
    """Atoms in the cell by element, where a block states all of them.

    Raises
    ------
    BadRecord
        A type is no element, or its number none.
    """
    kinds = block.column("_atom_type_symbol") or []
    numbers = block.column("_atom_type_number_in_cell") or []
    if not kinds or len(kinds) != len(numbers) or None in kinds or None in numbers:
        return None
    amounts: defaultdict[str, float] = defaultdict(float)
    for kind, number in zip(kinds, numbers, strict=True):
        amounts[_element(kind or "")[0]] += read_number(number or "", "_atom_type_number_in_cell").value
    return dict(amounts)


def _stated_charges(block: Block) -> dict[str, float]:
    kinds = block.column("_atom_type_symbol") or []
    numbers = block.column("_atom_type_oxidation_number") or []
    if len(kinds) != len(numbers):
        return {}
    return {
        kind: read_number(number, "_atom_type_oxidation_number").value
        for kind, number in zip(kinds, numbers, strict=True)
        if kind is not None and number is not None
    }


def _wrong_disorder(block: Block, atoms: list[Atom]) -> str | None:
    """Alternatives that are each stated to be there always, or together more than always."""
    if block.column("_atom_site_disorder_group") is None:
        return None
    occupancies = {atom.label: atom.occupancy for atom in atoms}
    groups: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for row in _rows(block):
        group, label = row.get("_atom_site_disorder_group"), row.get("_atom_site_label") or ""
        if group in (None, "0") or label not in occupancies:
            continue
        if group.startswith("-") and occupancies[label] > 0.5 * MAX_OCCUPANCY:
            return (
                f"{label} is disordered about a symmetry element (group {group}), "
                f"but its occupancy is {occupancies[label]:g}"
            )
        members = groups[row.get("_atom_site_disorder_assembly") or ""]
        members[group] = max(members.get(group, 0.0), occupancies[label])
    for assembly, members in groups.items():
        if sum(members.values()) > MAX_OCCUPANCY and len(members) > 1:
            shares = ", ".join(f"group {group} {share:g}" for group, share in sorted(members.items()))
            named = f" of assembly {assembly}" if assembly else ""
            return f"alternatives{named} are stated to be there more than always: {shares}"
    return None
