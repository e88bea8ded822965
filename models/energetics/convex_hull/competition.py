"""Which phases compete with which: chemical systems from small to large, each solved over its stable parts.

The machinery of `hull`, which is what to import. It knows formation energies (eV/atom) and bit sets of elements, no
names of files, sources or schemes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .composition_table import CompositionTable
from .mixture import Mixtures, cheapest_mixtures

STABLE = 1e-9
"""eV/atom: phases up to this far above the hull of their own system stay in as competitors of larger systems."""

TRACE = 1e-8
"""Share of atoms below which a product is left out of a list of products."""

PAD = -1
"""No column here."""

BLOCK = 400_000
"""Numbers in one block of the batched solver: a few MB, which stay in the processor's cache."""


class Product(NamedTuple):
    """One phase of a decomposition.

    phase
        Index among the references.
    name
        Its entry_id, or its formula where that is empty.
    amount
        Share of the atoms.
    """

    phase: int
    name: str
    amount: float


class Block(NamedTuple):
    """Problems solved together: whose, over which columns (phases, or `PAD`) and elements, and the answer."""

    targets: NDArray[np.intp]
    columns: NDArray[np.intp]
    elements: NDArray[np.intp]
    mixtures: Mixtures


class Phases:
    """The lowest phase of each composition, and which are stable in each chemical system."""

    def __init__(self, table: CompositionTable, given: NDArray[np.float64]) -> None:
        self.table = table
        self.given = given
        count = int(table.identity.max()) + 1 if len(given) else 0
        order = np.lexsort((given, table.identity))
        self.lowest: NDArray[np.intp] = order[np.searchsorted(table.identity[order], np.arange(count))]
        self.energies: NDArray[np.float64] = given[self.lowest]
        if count == len(given):  # no composition twice: in order of appearance already
            self.fractions, self.systems = table.fractions, table.systems
        else:
            self.fractions, self.systems = table.fractions[self.lowest], [table.systems[i] for i in self.lowest]
        self.stable: dict[int, list[int]] = {}
        self.element_energies = np.zeros(len(table.elements))
        for i, system in enumerate(self.systems):
            if system.bit_count() == 1:
                j = system.bit_length() - 1
                self.element_energies[j] = min(0.0, self.energies[i])

    def sweep(self) -> Iterator[Block]:
        """Each composition against all others, from elements to the largest systems; fills `stable`."""
        members: dict[int, list[int]] = {}
        for i, system in enumerate(self.systems):
            members.setdefault(system, []).append(i)
        for size in sorted({system.bit_count() for system in members}):
            level = [(s, ids) for s, ids in members.items() if s.bit_count() == size]
            # The members of a system come first among its columns; each is left out of its own problem.
            problems = [(s, ids, [*ids, *self._competitors(s)] if size > 1 else []) for s, ids in level]
            for block in self._solve(problems, self.fractions, excluding=size > 1):
                yield block
                stable = self.energies[block.targets] <= block.mixtures.costs + STABLE
                if size > 1:
                    for i in block.targets[stable].tolist():
                        self.stable.setdefault(self.systems[i], []).append(i)

    def project(self, targets: NDArray[np.float64], systems: list[int]) -> Iterator[Block]:
        """Compositions against all stable phases, those of the same composition included. After `sweep`."""
        members: dict[int, list[int]] = {}
        for i, system in enumerate(systems):
            members.setdefault(system, []).append(i)
        for size in sorted({system.bit_count() for system in members}):
            problems = [
                (s, ids, [*self.stable.get(s, ()), *self._competitors(s)] if size > 1 else [])
                for s, ids in members.items()
                if s.bit_count() == size
            ]
            yield from self._solve(problems, targets, excluding=False)

    def describe(self, block: Block, names: Sequence[str], pure: Mapping[int, int]) -> dict[int, tuple[Product, ...]]:
        """Products of each target of a block, largest share first; `pure` maps elements to their phases."""
        described: dict[int, tuple[Product, ...]] = {}
        for row, target in enumerate(block.targets.tolist()):
            products = []
            for column, amount in zip(
                block.mixtures.phases[row].tolist(), block.mixtures.amounts[row].tolist(), strict=True
            ):
                if amount <= TRACE:
                    continue
                if column < 0:
                    phase = pure[int(block.elements[row, -1 - column])]
                else:
                    phase = int(self.lowest[block.columns[row, column]])
                products.append(Product(phase, names[phase], amount))
            products.sort(key=lambda product: -product.amount)
            described[target] = tuple(products)
        return described

    def _competitors(self, system: int) -> list[int]:
        """Stable phases of all proper sub-systems of two or more elements."""
        competing: list[int] = []
        for sub in sub_systems(system, self.stable.keys()):
            if sub != system:
                competing += self.stable[sub]
        return competing

    def _solve(
        self, problems: list[tuple[int, list[int], list[int]]], targets: NDArray[np.float64], *, excluding: bool
    ) -> Iterator[Block]:
        """Problems (system, targets, columns) of one number of elements, in blocks of similar width."""
        problems = sorted(problems, key=lambda problem: len(problem[2]))
        start = 0
        while start < len(problems):
            stop, rows = start, 0
            size = problems[start][0].bit_count()
            while stop < len(problems):
                more = rows + len(problems[stop][1])
                if rows and more * max(len(problems[stop][2]), 1) * size > BLOCK:
                    break
                rows, stop = more, stop + 1
            yield self._solve_block(problems[start:stop], targets, excluding=excluding)
            start = stop

    def _solve_block(
        self, problems: list[tuple[int, list[int], list[int]]], targets: NDArray[np.float64], *, excluding: bool
    ) -> Block:
        width = max(len(columns) for _, _, columns in problems)
        ids = np.full((len(problems), width), PAD, dtype=np.intp)
        for row, (_, _, members) in enumerate(problems):
            ids[row, : len(members)] = members
        elements = np.array([elements_of(system) for system, _, _ in problems], dtype=np.intp)
        repeats = np.array([len(members) for _, members, _ in problems])
        which = np.concatenate([np.asarray(members, dtype=np.intp) for _, members, _ in problems])
        owner = np.repeat(np.arange(len(problems)), repeats)
        place = np.arange(which.size) - np.repeat(np.cumsum(repeats) - repeats, repeats)

        costs = np.where(ids >= 0, self.energies[ids], np.inf)
        # A phase above its elements never pays.
        costs[costs > 0] = np.inf
        # Pads take the last phase's place; their cost keeps them out.
        contents = self.fractions[ids[:, :, None], elements[:, None, :]]
        costs = costs[owner]
        if excluding:
            costs[np.arange(which.size), place] = np.inf
        mixtures = cheapest_mixtures(
            contents[owner],
            costs,
            targets[which[:, None], elements[owner]],
            end_member_costs=self.element_energies[elements[owner]],
        )
        return Block(which, ids[owner], elements[owner], mixtures)


def sub_systems(system: int, known: Collection[int]) -> list[int]:
    """Those of the known chemical systems that are part of one, the one itself included."""
    if 1 << min(system.bit_count(), 64) > len(known):
        return [sub for sub in known if not sub & ~system]
    parts = []
    sub = system
    while sub:
        if sub in known:
            parts.append(sub)
        sub = (sub - 1) & system
    return parts


def elements_of(system: int) -> list[int]:
    """Numbers of the elements of a chemical system, ascending."""
    bits = []
    while system:
        low = system & -system
        bits.append(low.bit_length() - 1)
        system ^= low
    return bits
