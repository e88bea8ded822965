"""The crystal that a CIF block states: its atoms by its symmetry, compared with the contents that it states as well.

Where the file leaves something open - the origin, the axes, operations, a type of atom - the stated contents of the
cell decide, or the block is refused. Nothing is guessed.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.core.lattice import Lattice
from pymatgen.core.periodic_table import Element, Species
from pymatgen.core.structure import Structure

from ....models.composition.formula.formulas import parse_or_report
from ....models.structure.serialization import MAX_SITES
from ....models.structure.stated_contents import StatedContents, disagreements
from ....models.structure.symmetry.operations import (
    IDENTITY,
    SAME_PLACE,
    Operations,
    SymmetryError,
    all_orbits,
    fits_cell,
    read_operations,
)
from ....models.structure.symmetry.settings import CENTRINGS, Setting, centring, find_settings, tabulated, that_fit
from ..records.raw_record import BadRecord
from .cif_sites import MAX_OCCUPANCY, Atom, read_atoms, stated_numbers
from .cif_text import Block, read_block
from .symbols import SYMBOLS

_OPERATIONS = (
    "_space_group_symop_operation_xyz",
    "_symmetry_equiv_pos_as_xyz",
    "_space_group_symop_magn_operation_xyz",
    "_space_group_symop_magn_operation_mxmymz",
)
_CENTRINGS = ("_space_group_symop_magn_centering_xyz",)
_SYMBOLS = ("_space_group_name_h-m_alt", "_symmetry_space_group_name_h-m", "_space_group_name_h-m_ref")
_DENSITY = ("_exptl_crystal_density_diffrn",)
_HALL_SYMBOLS = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_NUMBERS = ("_space_group_it_number", "_symmetry_int_tables_number")
_FORMULAS = ("_chemical_formula_structural", "_chemical_formula_iupac", "_chemical_formula_moiety")
_LATTICES = (("_cell_modulation_dimension", "0"), ("_cell_subsystems_number", "1"))
"""Names that tell of more than a cell of three vectors where they have another value than this."""
_MODULATED = re.compile(
    r"_(?:cell_wave_vector|space_group_(?:symop_)?ssg|atom_site_.*(?:fourier|special_func|legendre|ortho))"
)
"""Beginnings of names of the modulated structures dictionary (msCIF) that tell of waves, whatever they modulate."""
_PART = re.compile(r"([A-Z][a-z]?)(\d+\.?\d*|\.\d+)?")
_MOIETY = re.compile(r"\s*(\d*\.?\d*)\s*\(?([A-Z][\w.\s]*?)(?:\s+\d*[+-])?\s*\)?\s*")
_PLAIN_FORMULA = re.compile(f"(?:{_PART.pattern})+")
_MAX_CELL_UNCERTAINTY = 0.05
"""Share of a length, or of a right angle: a cell that is known no better is none."""
_LEAST_FULL = 0.3
"""Occupancy of the fullest place of a crystal; shares multiplied by site symmetries (1/48) are far below."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Symmetry:
    operations: Operations
    named: str
    doubt: str = ""


def read_crystal(text: str) -> Structure:
    """Read the crystal of a data block.

    Returns
    -------
    Structure
        The cell as stated; atoms by electronegativity, as pymatgen sorts them, with their labels.

    Raises
    ------
    BadRecord
        It can't be read, leaves open which crystal it is, or contradicts itself: what it states and what was found.
    """
    block = read_block(text)
    if any(block.first((name,)) not in (None, usual) for name, usual in _LATTICES) or block.any_value(_MODULATED):
        raise BadRecord("it is modulated, which no cell of three vectors shows", remedy="give an approximant")
    lattice = _lattice(block)
    atoms = read_atoms(block, lattice.lengths)
    if len(atoms) > 2 * MAX_SITES:
        raise BadRecord(f"it lists more than {2 * MAX_SITES} atoms", remedy=f"structures have up to {MAX_SITES} sites")
    stated = _stated_contents(block)
    crystals: list[tuple[str, Structure]] = []
    faults: dict[str, None] = {}
    try:
        candidates = _symmetries(block, lattice.matrix)
    except SymmetryError as error:
        raise BadRecord(str(error), remedy="state the setting of the space group, or its operations") from error
    for symmetry in candidates:
        try:
            crystals.append((symmetry.named, _crystal(lattice, atoms, symmetry, stated, alone=len(candidates) == 1)))
        except BadRecord as bad:
            faults[bad.reason] = None
    if not crystals:
        raise BadRecord("; ".join(faults), remedy="correct the file: what it states has to agree with its atoms")
    if len(crystals) > 1:
        names = ", ".join(name for name, _ in crystals)
        raise BadRecord(f"it leaves open which setting is meant: {names}", remedy="state it, or the operations")
    return crystals[0][1]


def _crystal(
    lattice: Lattice, atoms: Sequence[Atom], symmetry: _Symmetry, stated: StatedContents, *, alone: bool
) -> Structure:
    """Make the crystal of one reading of its symmetry, where it agrees with what is stated."""
    try:
        orbits = all_orbits(np.array([atom.position for atom in atoms]), symmetry.operations, lattice.matrix)
    except SymmetryError as error:
        raise BadRecord(str(error)) from error
    amounts: defaultdict[str, float] = defaultdict(float)
    for atom, orbit in zip(atoms, orbits, strict=True):
        amounts[atom.element] += atom.occupancy * len(orbit)
    faults = _other_multiplicities(atoms, list(map(len, orbits)), len(symmetry.operations.rotations))
    counted = not faults and all(atom.multiplicity == len(orbit) for atom, orbit in zip(atoms, orbits, strict=True))
    faults += disagreements(amounts, lattice.volume, stated)
    if not stated.settles_contents:
        faults += dict.fromkeys(atom.doubt for atom in atoms if atom.doubt)
        if symmetry.doubt or not counted:
            faults += filter(None, [symmetry.doubt, _all_but_empty(atoms)])
        if not alone and not counted:
            faults.append(f"its setting ({symmetry.named} is one) is not stated, nor the contents of the cell")
    if faults:
        raise BadRecord("; ".join(faults[:20]))
    if sum(map(len, orbits)) > 2 * MAX_SITES:
        raise BadRecord(f"it has {sum(map(len, orbits))} atoms in the cell; structures have up to {MAX_SITES} sites")
    return _structure(lattice, atoms, orbits)


def _other_multiplicities(atoms: Sequence[Atom], given: Sequence[int], operations: int) -> list[str]:
    """Faults of multiplicities that are not those by symmetry, in the sense of the dictionary or in SHELXL's.

    SHELXL-97 and what follows it write the order of a site's symmetry under the name of its multiplicity, 1 for an atom
    in a general position: `_atom_site_site_symmetry_order` in the dictionary of today.
    """
    pairs = [(atom, times) for atom, times in zip(atoms, given, strict=True) if atom.multiplicity is not None]
    if all(atom.multiplicity == operations / times for atom, times in pairs):
        return []
    return [
        f"{atom.label} is stated {atom.multiplicity:g} times, its symmetry gives {times}"
        for atom, times in pairs
        if atom.multiplicity != times
    ]


def _structure(lattice: Lattice, atoms: Sequence[Atom], orbits: Sequence[Floats]) -> Structure:
    owners = np.repeat(np.arange(len(atoms)), [len(orbit) for orbit in orbits])
    positions = np.concatenate(orbits)
    together = _together(positions, owners, atoms, lattice.matrix)
    species, places, labels = [], [], []
    for members in together:
        mixture: dict[Element | Species, float] = {}
        for index in members:
            atom = atoms[owners[index]]
            member = Element(atom.element) if atom.charge is None else Species(atom.element, atom.charge)
            mixture[member] = mixture.get(member, 0.0) + atom.occupancy
        total = sum(mixture.values())
        if total > MAX_OCCUPANCY:
            names = ", ".join(dict.fromkeys(atoms[owners[index]].label for index in members))
            raise BadRecord(f"the occupancies of {names}, at one place, sum to {total:g}")
        if total > 1:
            mixture = {member: amount / total for member, amount in mixture.items()}
        species.append(Composition(mixture))
        places.append(positions[members[0]])
        labels.append(", ".join(dict.fromkeys(atoms[owners[index]].label for index in members)))
    structure = Structure(lattice, species, places, labels=labels)
    return structure.get_sorted_structure()


def _together(positions: Floats, owners: NDArray[np.int64], atoms: Sequence[Atom], matrix: Floats) -> list[list[int]]:
    """Indices of the positions that are one place, in the order of the file."""
    partial = np.array([atom.occupancy < 1 for atom in atoms])[owners]
    groups: list[list[int]] = [[index] for index in range(len(positions))]
    # Two atoms that are both always there, at one place, are an overlap, which is refused elsewhere.
    shared = np.flatnonzero(partial)
    if len(shared) < 2:
        return groups
    apart = positions[shared][:, None] - positions[shared][None]
    apart -= np.rint(apart)
    same = np.einsum("abi,ij,abj->ab", apart, matrix @ matrix.T, apart) < SAME_PLACE**2
    first = same.argmax(axis=1)
    for index, leader in enumerate(first):
        if leader != index:
            groups[shared[leader]].append(int(shared[index]))
            groups[shared[index]] = []
    return [group for group in groups if group]


def _all_but_empty(atoms: Sequence[Atom]) -> str:
    """What is odd about occupancies of which none says that an atom is there more often than not."""
    at_place: defaultdict[tuple[float, float, float], float] = defaultdict(float)
    for atom in atoms:
        at_place[atom.position] += atom.occupancy
    fullest = max(at_place.values())
    return f"no place is occupied by more than {fullest:.3g}, as if by site symmetry" if fullest < _LEAST_FULL else ""


def _lattice(block: Block) -> Lattice:
    numbers = []
    for name in ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma"):
        number = block.number((f"_cell_{name}",))
        if number is None:
            raise BadRecord(f"it has no _cell_{name}", remedy="give the whole cell")
        scale = number.value if name.startswith("length") else 90.0
        if number.value <= 0:
            raise BadRecord(f"_cell_{name} is {number.value:g}", remedy="correct the cell")
        if number.uncertainty > _MAX_CELL_UNCERTAINTY * scale:
            raise BadRecord(
                f"_cell_{name} is {number.value:g}, uncertain by {number.uncertainty:g}", remedy="correct the cell"
            )
        numbers.append(number.value)
    cosines = np.cos(np.radians(numbers[3:]))
    if 1 - (cosines**2).sum() + 2 * cosines.prod() <= 0 or max(numbers[3:]) >= 180:
        raise BadRecord(f"no cell has the angles {numbers[3:]}", remedy="correct the cell")
    return Lattice.from_parameters(*numbers)


def _symmetries(block: Block, matrix: Floats) -> list[_Symmetry]:
    """Readings of the symmetry that is stated: one where it is clear, several where it is left open."""
    symbol, hall_symbol = block.first(_SYMBOLS), block.first(_HALL_SYMBOLS)
    number = block.number(_NUMBERS)
    settings = find_settings(symbol, hall_symbol, None if number is None else int(number.value))
    texts = next((column for name in _OPERATIONS if (column := block.column(name)) and any(column)), None)
    if texts is not None:
        shifts = next((column for name in _CENTRINGS if (column := block.column(name)) and any(column)), ())
        operations = read_operations(tuple(filter(None, texts)), tuple(filter(None, shifts)))
        if not fits_cell(operations, matrix):
            raise SymmetryError(f"its symmetry operations don't fit its cell {_shown(matrix)}")
        return [_Symmetry(operations, "its operations", _doubt(operations, settings, symbol, centred=bool(shifts)))]
    fitting = that_fit(settings, matrix)
    if settings and not fitting:
        names = ", ".join(dict.fromkeys(_name(setting) for setting in settings))
        raise SymmetryError(f"the space group {names} doesn't fit its cell {_shown(matrix)}")
    if fitting:
        return [_Symmetry(tabulated(setting.hall), _name(setting)) for setting in fitting]
    if symbol or hall_symbol:
        raise SymmetryError(f"the space group {symbol or hall_symbol} is not in the tables, and it has no operations")
    return [_Symmetry(IDENTITY, "P 1", "it states no symmetry, nor that it has none")]


def _doubt(operations: Operations, settings: Sequence[Setting], symbol: str | None, *, centred: bool) -> str:
    """What is odd about operations beside the space group that is stated.

    Parameters
    ----------
    operations
        As they are listed.
    settings
        Of the space group.
    symbol
        Of the space group.
    centred
        Whether the centring is listed, so that the cell may be any multiple, as those of magnetic crystals are.
    """
    order = len(operations.rotations)
    rotations = operations.point_group_order
    expected = tabulated(settings[0].hall).point_group_order if settings else rotations
    letter = centring(symbol or "")
    points = {CENTRINGS[letter]} if letter else set(CENTRINGS.values())
    if letter == "R":
        points = {1, 3}
    if rotations == expected and (centred or order // rotations in points):
        return ""
    named = _name(settings[0]) if settings else symbol or "that is stated"
    return f"it states {order} operations, which is not the number of the space group {named}"


def _stated_contents(block: Block) -> StatedContents:
    units = block.number(("_cell_formula_units_z",))
    volume = block.number(("_cell_volume",))
    density = block.number(_DENSITY)
    weight = block.number(("_chemical_formula_weight",))
    formula = _stated_formula(block)
    z = units.value if units is not None and units.value > 0 else None
    if formula and z and z > 1 and all(amount % z == 0 for amount in formula.values()):
        # pymatgen states the sum of the whole cell beside Z, and the formula unit as the structural formula.
        unit = _amounts(block.first(_FORMULAS[:1]) or "")
        if unit == {element: amount / z for element, amount in formula.items()}:
            z = 1.0
    return StatedContents(
        formula=formula,
        units=z,
        volume=volume.value if volume is not None and volume.value > 0 else None,
        density=density.value if density is not None and density.value > 0 else None,
        density_rounding=0.0 if density is None else max(density.rounding, density.uncertainty),
        weight=weight.value if weight is not None and weight.value > 0 else None,
        in_cell=stated_numbers(block),
    )


def _stated_formula(block: Block) -> dict[str, float] | None:
    """Atoms by element of the formula sum, or of another formula where that can be read."""
    if (text := block.first(("_chemical_formula_sum",))) is not None:
        amounts = _amounts(text)
        if amounts is None:
            raise BadRecord(f"its formula sum {text!r:.80} can't be read", remedy="write element symbols and amounts")
        return amounts
    texts = [text for name in _FORMULAS if (text := block.first((name,)))]
    readable = [amounts for text in texts if (amounts := _amounts(text) or _of_moieties(text))]
    if texts and not readable:
        raise BadRecord(f"its formula {texts[0]!r:.80} can't be read", remedy="state the formula sum")
    return readable[0] if readable else None


def _of_moieties(text: str) -> dict[str, float] | None:
    """Atoms by element of parts such as ``Mg 2+, 2(O H 1-)``; None where they can't be read."""
    amounts: defaultdict[str, float] = defaultdict(float)
    for part in text.split(","):
        match = _MOIETY.fullmatch(part)
        if match is None or (inner := _amounts(match[2])) is None:
            return None
        for element, amount in inner.items():
            amounts[element] += amount * float(match[1] or 1)
    return dict(amounts)


def _amounts(text: str) -> dict[str, float] | None:
    """Atoms by element of a formula, deuterium and tritium as hydrogen; None where it can't be read."""
    plain = re.sub(r"(?<=\d)\(\d+\)|[\s'\"]", "", text)
    amounts: defaultdict[str, float] = defaultdict(float)
    if _PLAIN_FORMULA.fullmatch(plain):
        for symbol, amount in _PART.findall(plain):
            if symbol not in SYMBOLS:
                return None
            amounts["H" if symbol in ("D", "T") else symbol] += float(amount or 1)
        return dict(amounts)
    parsed, failures = parse_or_report([plain])
    if failures:
        return None
    for number, amount in zip(parsed.numbers.tolist(), parsed.amounts.tolist(), strict=True):
        amounts[Element.from_Z(number).symbol] += amount
    return dict(amounts)


def _name(setting: Setting) -> str:
    return setting.symbol.replace("_", "") + (f":{setting.choice}" if setting.choice else "")


def _shown(matrix: Floats) -> str:
    lattice = Lattice(matrix)
    return " ".join(f"{number:.5g}" for number in (*lattice.lengths, *lattice.angles))
