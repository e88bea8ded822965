"""Which crystals have the same prototype: the same structure but for the names of their elements and the volume.

Every template is matched by pymatgen's StructureMatcher with the first template of each prototype, all ways of naming
the elements tried. Knows structures only; which prototype a composition takes is up to `templates`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import permutations
from math import gcd
from typing import Final

from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core.structure import Structure

from .matching import ANGLE_TOLERANCE, LENGTH_TOLERANCE, SITE_TOLERANCE, prepare
from .pettifor import position

Order = tuple[int, ...]
"""A renaming of slots: slot k of the one plays the part of slot order[k] of the other."""

PROTOTYPE_TOLERANCES: Final = (0.1, 0.2, 4.0)
"""Length, site and angle tolerance (degrees) within a prototype. Tighter than StructureMatcher's own (0.2, 0.3, 5.0),
which is no equivalence: A like B and B like C leave A unlike C; finer groups lose fewer structures when one of them
stands for all (tests/benchmarks/recovery.py)."""
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
        Renamings of slots that leave the structure as it is, identity first: NaCl has two, ZnS (wurtzite) too.
    related
        Other prototypes that StructureMatcher's own, wider tolerances take as the same, and by which renamings: slot
        k of this one in the part of slot order[k] of the other.
    """

    prototype_id: str
    kind: str
    amounts: tuple[int, ...]
    symmetries: tuple[Order, ...]
    related: Mapping[str, tuple[Order, ...]]


@dataclass(slots=True)
class _Leader:
    prototype: Prototype
    structure: Callable[[], Structure]
    slots: tuple[str, ...]
    cell: Structure | None = field(default=None)


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
        own = {"primitive_cell": False, "scale": True, "attempt_supercell": False}
        wide = (LENGTH_TOLERANCE, SITE_TOLERANCE, ANGLE_TOLERANCE)
        self._wide = StructureMatcher(ltol=wide[0], stol=wide[1], angle_tol=wide[2], **own)
        tight = PROTOTYPE_TOLERANCES
        self._tight = StructureMatcher(ltol=tight[0], stol=tight[1], angle_tol=tight[2], **own)
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
            Gives that template's structure; called when a new template has to be compared with it, if ever.
        """
        self._insert(_Leader(prototype, structure, slots))

    def add(self, template_id: str, structure: Structure) -> Membership:
        """Find the prototype of a template; a template of a new prototype founds it.

        Raises
        ------
        NoPrototypeError
            For a disordered structure, one of an element off the scale, or one with too many ways to name its elements.
        """
        kind, amounts, slots, reduced = _slots(structure)
        orders = slot_orders(amounts)
        cell = _renamed(reduced, {element: _STAND_INS[slot] for slot, element in enumerate(slots)})
        variants = [
            _renamed(reduced, {element: _STAND_INS[order[slot]] for slot, element in enumerate(slots)})
            for order in orders
        ]
        blank = _renamed(reduced, dict.fromkeys(slots, _UNLABELLED)) if len(orders) > 2 else None
        related: dict[str, tuple[Order, ...]] = {}
        for leader in self._by_key.get((kind, amounts), ()):
            other = self._cell(leader)
            if len(other) != len(cell) or (blank is not None and not self._fits_unlabelled(other, blank)):
                continue
            same = []
            for order, variant in zip(orders, variants, strict=True):
                if self._wide.fit(other, variant, skip_structure_reduction=True):
                    same.append(order)
                    if self._tight.fit(other, variant, skip_structure_reduction=True):
                        taken = tuple(element for _, element in sorted(zip(order, slots, strict=True)))
                        return Membership(leader.prototype.prototype_id, taken)
            if same:
                related[leader.prototype.prototype_id] = tuple(same)
        symmetries = tuple(
            order
            for order, variant in zip(orders, variants, strict=True)
            if order == orders[0] or self._wide.fit(cell, variant, skip_structure_reduction=True)
        )
        prototype = Prototype(template_id, kind, amounts, symmetries, related)
        self._insert(_Leader(prototype, lambda: structure, slots, cell))
        return Membership(template_id, slots)

    def _insert(self, leader: _Leader) -> None:
        prototype = leader.prototype
        self._by_key.setdefault((prototype.kind, prototype.amounts), []).append(leader)
        self._by_id[prototype.prototype_id] = prototype

    def _cell(self, leader: _Leader) -> Structure:
        if leader.cell is None:
            reduced = prepare(leader.structure()).reduced
            leader.cell = _renamed(reduced, {element: _STAND_INS[slot] for slot, element in enumerate(leader.slots)})
        return leader.cell

    def _fits_unlabelled(self, other: Structure, blank: Structure) -> bool:
        """Whether the atoms lie alike whatever their names, which is needed for any naming to fit."""
        return bool(self._wide.fit(_renamed(other, {}, rest=_UNLABELLED), blank, skip_structure_reduction=True))


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
    found: list[Order] = [()]
    groups = [[slot for slot, other in enumerate(amounts) if other == amount] for amount in dict.fromkeys(amounts)]
    for group in groups:  # amounts ascend, so the groups are stretches of slots
        found = [(*head, *tail) for head in found for tail in permutations(group)]
    return tuple(found)


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


def _slots(structure: Structure) -> tuple[str, tuple[int, ...], tuple[str, ...], Structure]:
    if not structure.is_ordered:
        raise NoPrototypeError("it is disordered, so its elements have no places of their own")
    counts = structure.composition.get_el_amt_dict()
    if len(counts) > len(_STAND_INS):
        raise NoPrototypeError(f"{len(counts)} elements are more than {len(_STAND_INS)}")
    slots, amounts = canonical_slots(counts)
    slot_orders(amounts)
    prepared = prepare(structure)
    return prepared.key[1], amounts, slots, prepared.reduced


def _renamed(structure: Structure, names: Mapping[str, str], *, rest: str = "") -> Structure:
    species = [names.get(site.specie.symbol, rest) for site in structure]
    return Structure(structure.lattice, species, structure.frac_coords)
