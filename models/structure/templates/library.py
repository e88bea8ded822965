"""The library of template structures, by anonymous formula and dimensionality, laid out for quick ranking.

Knows templates by id, formula, prototype and a way to get the structure; where they are stored is up to the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from ..cells.fragments import Size
from ..cells.template_cells import size_of
from ..comparison.prototype_index import Membership, NoPrototypeError, Prototype, PrototypeIndex, slot_orders
from ..pettifor import position
from ..substitution.unlike_bonding import bonding

StructureOf = Callable[[str], Structure]
"""Reads the structure of a template id; a library keeps no structures of its own, so it may hold very many."""


@dataclass(frozen=True, slots=True)
class Template:
    """A known structure that lends its shape to others.

    Attributes
    ----------
    template_id
        Which material of which source, e.g. ``"2dmatpedia:2dm-10"``.
    formula
        Reduced formula.
    membership
        Its prototype, and its elements in that prototype's slots.
    space_group
        International number, None where unknown.
    dimension
        2 or 3.
    size
        How large it is, None where that was not looked at.
    """

    template_id: str
    formula: str
    membership: Membership
    space_group: int | None
    dimension: int
    size: Size | None = None


@dataclass(frozen=True, eq=False)
class Bucket:
    """The templates of one anonymous formula and dimensionality, those of one prototype side by side.

    Attributes
    ----------
    templates
        n templates.
    places
        (n, slots) place on the modified Pettifor scale of the element in each slot.
    space_groups
        (n,) international numbers, 0 where unknown.
    starts
        (prototypes + 1,) where the templates of each prototype begin.
    prototypes
        In the order of `starts`.
    """

    amounts: tuple[int, ...]
    templates: tuple[Template, ...]
    places: NDArray[np.intp]
    space_groups: NDArray[np.int64]
    starts: NDArray[np.intp]
    prototypes: tuple[Prototype, ...]

    @cached_property
    def classes(self) -> NDArray[np.intp]:
        """For each prototype and arrangement of elements the first arrangement that gives the same structure."""
        orders = slot_orders(self.amounts)
        number = {order: index for index, order in enumerate(orders)}
        classes = np.tile(np.arange(len(orders)), (len(self.prototypes), 1))
        for row, prototype in enumerate(self.prototypes):
            if len(prototype.symmetries) == 1:
                continue
            for index, order in enumerate(orders):
                same = (number[tuple(order[slot] for slot in symmetry)] for symmetry in prototype.symmetries)
                classes[row, index] = min(same)
        return classes

    @cached_property
    def relatives(self) -> tuple[frozenset[int], ...]:
        """For each prototype the rows of those that it is related to, its own among them."""
        row_of = {prototype.prototype_id: row for row, prototype in enumerate(self.prototypes)}
        related: list[set[int]] = [{row} for row in range(len(self.prototypes))]
        for row, prototype in enumerate(self.prototypes):
            for other in prototype.related.keys() & row_of.keys():
                related[row].add(row_of[other])
                related[row_of[other]].add(row)
        return tuple(frozenset(rows) for rows in related)

    @cached_property
    def bondings(self) -> NDArray[np.int64]:
        """(n,) `Bonding` of each template."""
        kinds = (bonding(one.formula, one.size.dimension if one.size is not None else None) for one in self.templates)
        return np.fromiter(kinds, dtype=np.int64, count=len(self.templates))


class TemplateLibrary:
    """Templates to predict structures from.

    Parameters
    ----------
    templates
        In any order.
    prototypes
        All prototypes their memberships name, by id.
    structure_of
        Reads a template's structure by its id.

    Raises
    ------
    ValueError
        When an id comes twice or a prototype is missing.
    """

    def __init__(
        self, templates: Iterable[Template], prototypes: Mapping[str, Prototype], structure_of: StructureOf
    ) -> None:
        self.structure_of = structure_of
        self._grouped: dict[tuple[tuple[int, ...], int], list[Template]] = {}
        self._buckets: dict[tuple[tuple[int, ...], int], Bucket] = {}
        self.prototypes = prototypes
        self._by_id: dict[str, Template] = {}
        for template in templates:
            if template.template_id in self._by_id:
                raise ValueError(f"two templates have the id {template.template_id!r}; ids must differ")
            name = template.membership.prototype
            prototype = prototypes.get(name)
            if prototype is None:
                raise ValueError(f"{template.template_id!r} is of prototype {name!r}, which is not given")
            self._by_id[template.template_id] = template
            self._grouped.setdefault((prototype.amounts, template.dimension), []).append(template)

    @classmethod
    def build(
        cls,
        ids: Sequence[str],
        structures: Sequence[Structure],
        *,
        space_groups: Sequence[int | None] | None = None,
        dimensions: Sequence[int] | None = None,
    ) -> tuple[Self, dict[str, str]]:
        """Make a library from structures at hand, finding their prototypes (about 50 ms each).

        Parameters
        ----------
        ids, structures
            n of each.
        space_groups
            International numbers; None where unknown.
        dimensions
            2 or 3 of each; 3 when not given.

        Returns
        -------
        library
            Without the refused ones.
        refused
            Reason by id: disordered, elements off the scale, too many equal amounts.
        """
        index = PrototypeIndex()
        groups = space_groups or [None] * len(ids)
        kinds = dimensions or [3] * len(ids)
        templates: list[Template] = []
        refused: dict[str, str] = {}
        for template_id, structure, group, kind in zip(ids, structures, groups, kinds, strict=True):
            try:
                membership = index.add(template_id, structure)
            except NoPrototypeError as error:
                refused[template_id] = str(error)
                continue
            formula = structure.composition.reduced_formula
            templates.append(Template(template_id, formula, membership, group, kind, size_of(structure, kind)))
        by_id = dict(zip(ids, structures, strict=True))
        return cls(templates, index.prototypes, by_id.__getitem__), refused

    def __len__(self) -> int:
        return len(self._by_id)

    def __getitem__(self, template_id: str) -> Template:
        return self._by_id[template_id]

    @property
    def templates(self) -> list[Template]:
        """All templates."""
        return list(self._by_id.values())

    def amounts_of(self, template_id: str) -> tuple[int, ...]:
        """Amounts of a template's elements in the reduced formula, in the order of its slots."""
        return self.prototypes[self._by_id[template_id].membership.prototype].amounts

    def bucket(self, amounts: tuple[int, ...], dimension: int) -> Bucket | None:
        """Look up the templates of one anonymous formula and dimensionality; None when there are none."""
        key = (amounts, dimension)
        if key not in self._buckets and key in self._grouped:
            self._buckets[key] = self._bucket(amounts, self._grouped[key])
        return self._buckets.get(key)

    def without(self, template_ids: Iterable[str]) -> TemplateLibrary:
        """Make a library without some templates; their prototypes stay."""
        left_out = set(template_ids)
        kept = (template for template in self._by_id.values() if template.template_id not in left_out)
        return TemplateLibrary(kept, self.prototypes, self.structure_of)

    def _bucket(self, amounts: tuple[int, ...], templates: list[Template]) -> Bucket:
        ids = sorted({template.membership.prototype for template in templates})
        row = {prototype: index for index, prototype in enumerate(ids)}
        ordered = sorted(templates, key=lambda template: row[template.membership.prototype])
        rows = np.array([row[template.membership.prototype] for template in ordered], dtype=np.intp)
        return Bucket(
            amounts=amounts,
            templates=tuple(ordered),
            places=np.array([[position(e) for e in template.membership.slots] for template in ordered], dtype=np.intp),
            space_groups=np.array([template.space_group or 0 for template in ordered], dtype=np.int64),
            starts=np.searchsorted(rows, np.arange(len(ids) + 1)),
            prototypes=tuple(self.prototypes[prototype] for prototype in ids),
        )
