"""Which crystals have the same prototype: the same structure but for the names of their elements and the volume.

Every template is matched by pymatgen's StructureMatcher with the first template of each prototype, all ways of naming
the elements tried. Knows structures only; which prototype a composition takes is up to `templates`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from math import gcd
from typing import Final

import numpy as np
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core.structure import Structure

from ..pettifor import position
from .cell_matching import clearly_same
from .matching import ANGLE_TOLERANCE, LENGTH_TOLERANCE, SITE_TOLERANCE, Prepared, prepare
from .reduced_cells import ReducedCell

Order = tuple[int, ...]
"""A renaming of slots: slot k of the one plays the part of slot order[k] of the other."""

PROTOTYPE_TOLERANCES: Final = (0.1, 0.2, 4.0)
"""Length, site and angle tolerance (degrees) within a prototype. Tighter than StructureMatcher's own (0.2, 0.3, 5.0),
which is no equivalence: A like B and B like C leave A unlike C; finer groups lose fewer structures when one of them
stands for all (tests/accuracy/recovery.py)."""
MAX_ORDERS: Final = 120
"""Ways to name the elements that are tried: five elements of equal amount. Beyond, the prototype cannot be told."""

_STAND_INS: Final = ("H", "Li", "Na", "K", "Rb", "Cs", "Be", "Mg", "Ca", "Sr")
_UNLABELLED: Final = "H"


class NoPrototypeError(ValueError):
    """A structure whose prototype cannot be told, with the reason."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Where a template belongs.

    Attributes
    ----------
    prototype
        Id of the prototype, which is that of its first template.
    slots
        The template's elements in the order of the prototype's slots, by ascending amount.
    """

    prototype: str
    slots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prototype:
    """What is kept of a prototype beside the structure of its first template.

    Attributes
    ----------
    prototype_id
        Id of the first template.
    kind
        "bulk" or "monolayer".
    amounts
        Atoms of each slot in the reduced formula, ascending.
    symmetries
        Renamings of slots that leave the structure as it is, identity first: NaCl has two, ZnS (wurtzite) too. By the
        tolerances of prototypes; wider ones take a layer S-Ga-Ga-S for Ga-S-S-Ga.
    related
        Other prototypes that StructureMatcher's own, wider tolerances take as the same, and by which renamings: slot
        k of this one in the part of slot order[k] of the other.
    """

    prototype_id: str
    kind: str
    amounts: tuple[int, ...]
    symmetries: tuple[Order, ...]
    related: Mapping[str, tuple[Order, ...]]


class _Shape:
    """A crystal with its elements named after slots, in any order that is asked for; each form is made once."""

    def __init__(self, prepared: Prepared, slots: tuple[str, ...]) -> None:
        self._prepared, self._slots = prepared, slots
        self._cells: dict[Order, ReducedCell | None] = {}
        self._structures: dict[Order, Structure] = {}

    def cell(self, order: Order) -> ReducedCell | None:
        """Reduced cell with slot k in the part of slot order[k]; all in one part for an empty order."""
        if order not in self._cells:
            self._cells[order] = self._named(order)
        return self._cells[order]

    def _named(self, order: Order) -> ReducedCell | None:
        cell = self._prepared.cell
        if cell is None:
            return None
        if not order:
            return ReducedCell(cell.matrix, cell.fractional, ("",), (len(cell.fractional),))
        blocks = dict(zip(cell.names, np.split(cell.fractional, np.cumsum(cell.counts)[:-1]), strict=True))
        parts = [blocks[element] for _, element in sorted(zip(order, self._slots, strict=True))]
        names = tuple(_STAND_INS[part] for part in range(len(parts)))
        return ReducedCell(cell.matrix, np.concatenate(parts), names, tuple(len(part) for part in parts))

    def structure(self, order: Order) -> Structure:
        """Structure with the slots in these parts, for StructureMatcher."""
        if order not in self._structures:
            names = {element: _STAND_INS[part] for part, element in zip(order, self._slots, strict=bool(order))}
            reduced = self._prepared.reduced
            species = [names.get(site.specie.symbol, _UNLABELLED) for site in reduced]
            self._structures[order] = Structure(reduced.lattice, species, reduced.frac_coords)
        return self._structures[order]


class _Matcher:
    """StructureMatcher with one set of tolerances, asked where a quick comparison by its rules leaves doubt."""

    def __init__(self, length: float, site: float, angle: float) -> None:
        self._tolerances = {"length": length, "site": site, "angle": angle}
        self._peer = StructureMatcher(
            ltol=length, stol=site, angle_tol=angle, primitive_cell=False, scale=True, attempt_supercell=False
        )

    def same(self, first_shape: _Shape, own: Order, second_shape: _Shape, order: Order) -> bool:
        first, second = first_shape.cell(own), second_shape.cell(order)
        if first is not None and second is not None:
            clear = clearly_same(first, second, **self._tolerances)
            if clear is not None:
                return clear
        a, b = first_shape.structure(own), second_shape.structure(order)
        return len(a) == len(b) and bool(self._peer.fit(a, b, skip_structure_reduction=True))


@dataclass(slots=True)
class _Leader:
    prototype: Prototype
    structure: Callable[[], Structure]
    slots: tuple[str, ...]
    shape: _Shape | None = None

    def get_shape(self) -> _Shape:
        if self.shape is None:
            self.shape = _Shape(prepare(self.structure()), self.slots)
        return self.shape


class PrototypeIndex:
    """Prototypes found so far, to which templates are added one by one.

    Examples
    --------
    >>> from pymatgen.core import Lattice, Structure
    >>> index = PrototypeIndex()
    >>> salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.69), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    >>> index.add("a", salt)
    Membership(prototype='a', slots=('Na', 'Cl'))
    >>> index.add("b", salt.copy().replace_species({"Na": "Mg", "Cl": "O"}))
    Membership(prototype='a', slots=('Mg', 'O'))
    """

    def __init__(self) -> None:
        self._wide = _Matcher(LENGTH_TOLERANCE, SITE_TOLERANCE, ANGLE_TOLERANCE)
        self._tight = _Matcher(*PROTOTYPE_TOLERANCES)
        self._by_key: dict[tuple[str, tuple[int, ...]], list[_Leader]] = {}
        self._by_id: dict[str, Prototype] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def prototypes(self) -> Mapping[str, Prototype]:
        """All prototypes found so far, by id."""
        return self._by_id

    def restore(self, prototype: Prototype, slots: tuple[str, ...], structure: Callable[[], Structure]) -> None:
        """Put back a prototype found earlier.

        Parameters
        ----------
        prototype
            As `add` left it.
        slots
            Elements of its first template, as in that one's `Membership`.
        structure
            Reads that template's structure; called when a new template has to be compared with it, if ever.
        """
        self._insert(_Leader(prototype, structure, slots))

    def add(self, template_id: str, structure: Structure) -> Membership:
        """Find the prototype of a template; a template of a new prototype founds it.

        Raises
        ------
        NoPrototypeError
            For a disordered structure, one of an element off the scale, or one with too many ways to name its elements.
        """
        amounts, slots = _slots(structure)
        prepared = prepare(structure)
        kind, shape, orders = prepared.key[1], _Shape(prepared, slots), slot_orders(amounts)
        own = orders[0]
        related: dict[str, tuple[Order, ...]] = {}
        for leader in self._by_key.get((kind, amounts), ()):
            other = leader.get_shape()
            # Atoms have to lie alike whatever their names for any naming to fit.
            if len(orders) > 2 and not self._wide.same(other, (), shape, ()):
                continue
            same = []
            for order in orders:
                if self._wide.same(other, own, shape, order):
                    same.append(order)
                    if self._tight.same(other, own, shape, order):
                        taken = tuple(element for _, element in sorted(zip(order, slots, strict=True)))
                        return Membership(leader.prototype.prototype_id, taken)
            if same:
                related[leader.prototype.prototype_id] = tuple(same)
        symmetries = tuple(order for order in orders if order == own or self._tight.same(shape, own, shape, order))
        prototype = Prototype(template_id, kind, amounts, symmetries, related)
        self._insert(_Leader(prototype, lambda: structure, slots, shape))
        return Membership(template_id, slots)

    def _insert(self, leader: _Leader) -> None:
        prototype = leader.prototype
        self._by_key.setdefault((prototype.kind, prototype.amounts), []).append(leader)
        self._by_id[prototype.prototype_id] = prototype


@lru_cache(maxsize=4096)
def slot_orders(amounts: tuple[int, ...]) -> tuple[Order, ...]:
    """All ways to exchange slots of equal amount, the one that changes nothing first.

    Raises
    ------
    NoPrototypeError
        When there are more than `MAX_ORDERS`.
    """
    ways = 1
    for amount in set(amounts):
        for factor in range(2, amounts.count(amount) + 1):
            ways *= factor
    if ways > MAX_ORDERS:
        raise NoPrototypeError(f"{ways} ways to name the elements of amounts {amounts} are more than {MAX_ORDERS}")
    orders: list[Order] = [()]
    groups = [[slot for slot, other in enumerate(amounts) if other == amount] for amount in dict.fromkeys(amounts)]
    for group in groups:  # amounts ascend, so the groups are stretches of slots
        orders = [(*head, *tail) for head in orders for tail in permutations(group)]
    return tuple(orders)


def canonical_slots(amounts: Mapping[str, float]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Put elements in order of amount, then of place on the modified Pettifor scale; amounts are divided out.

    Parameters
    ----------
    amounts
        Atoms of each element, whole numbers.

    Examples
    --------
    >>> canonical_slots({"O": 6.0, "Ti": 2.0, "Sr": 2.0})
    (('Sr', 'Ti', 'O'), (1, 1, 3))
    """
    elements = sorted(amounts, key=lambda element: (amounts[element], position(element)))
    divisor = gcd(*(round(amounts[element]) for element in elements))
    return tuple(elements), tuple(round(amounts[element]) // divisor for element in elements)


def _slots(structure: Structure) -> tuple[tuple[int, ...], tuple[str, ...]]:
    if not structure.is_ordered:
        raise NoPrototypeError("it is disordered, so its elements have no places of their own")
    counts = structure.composition.get_el_amt_dict()
    if len(counts) > len(_STAND_INS):
        raise NoPrototypeError(f"{len(counts)} elements are more than {len(_STAND_INS)}")
    slots, amounts = canonical_slots(counts)
    slot_orders(amounts)
    return amounts, slots
