"""The bulk that a layer makes of itself, by a potential: several lateral shifts and distances, the lowest of them.

Knows layers and a potential; which layers have no other bulk is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pymatgen.core.structure import Structure

from ..structure.layered.stacking import NotStackable, contact_heights, stack
from .interface import Potential

SHIFTS: Final = ((0.0, 0.0), (1 / 3, 2 / 3), (2 / 3, 1 / 3), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5))
"""Fractions of the in-plane vectors: atop, over the two hollows of a hexagonal net, over its edges."""
CLOSEST: Final = 3
"""How many of these are tried, of different heights of contact: of 174 layers 160 stack by the two lowest."""
STEP: Final = 0.3
"""Å, from one height to the next."""
STEPS: Final = (-4, -3, -2, -1, 0, 1, 2, 3)
"""Heights, in steps from where atoms of neighbouring layers touch; at the least the sum of covalent radii is left."""
COARSE: Final = (-2, 0, 2)
"""Steps by which the shift is chosen."""
BONDED: Final = (
    "stacked on itself it has no minimum before atoms of neighbouring layers are bonded: its layers interlock, or more "
    "than dispersion holds them together"
)
NOT_HELD: Final = "stacked on itself it has no minimum: nothing holds the layers together"

_SAME_HEIGHT: Final = 1e-3
_Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Stack:
    """What came of stacking a layer on itself.

    Attributes
    ----------
    structure
        The stack, one layer a cell; None where there is none.
    shift
        Of each layer beside the one below, in fractions of the in-plane vectors.
    height
        Å from one layer to the next.
    reason
        Why there is no stack.
    """

    structure: Structure | None = None
    shift: tuple[float, float] | None = None
    height: float | None = None
    reason: str | None = None


@dataclass(slots=True)
class _Search:
    """The stacks of one layer that were tried, by number of the shift and step."""

    layer: Structure
    shifts: list[tuple[float, float]]
    heights: list[float]
    energies: dict[_Place, float] = field(default_factory=dict)
    failure: str | None = None

    def at(self, number: int, step: float) -> Structure:
        return stack(self.layer, self.shifts[number], self.heights[number] + STEP * step)

    @property
    def lowest(self) -> _Place:
        return min(self.energies, key=lambda place: (self.energies[place], place))

    def result(self) -> Stack:
        """The minimum, of a parabola through the lowest energy and its neighbours."""
        if self.failure is not None:
            return Stack(reason=self.failure)
        number, step = self.lowest
        if step in (STEPS[0], STEPS[-1]):
            return Stack(reason=BONDED if step == STEPS[0] else NOT_HELD)
        below, least, above = (self.energies[number, step + more] for more in (-1, 0, 1))
        offset = 0.5 * (below - above) / (below - 2 * least + above)
        structure = self.at(number, step + offset)
        return Stack(structure, self.shifts[number], self.heights[number] + STEP * (step + offset))


def stacks_of(layers: Sequence[Structure], potential: Potential) -> list[Stack]:
    """Lowest stack of each layer with itself, all layers alike in orientation.

    Parameters
    ----------
    layers
        n monolayers, each with its vacuum along any vector.
    potential
        A potential that describes dispersion.

    Returns
    -------
    list of Stack
        n results, in order.
    """
    found: list[_Search | Stack] = []
    for layer in layers:
        try:
            found.append(_search(layer))
        except NotStackable as error:
            found.append(Stack(reason=str(error)))
    searches = [search for search in found if isinstance(search, _Search)]
    first = [(search, [(k, step) for k in range(len(search.shifts)) for step in COARSE]) for search in searches]
    _evaluate(first, potential)
    searches = [search for search in searches if search.failure is None]
    finer = [step for step in STEPS if step not in COARSE]
    _evaluate([(search, [(search.lowest[0], step) for step in finer]) for search in searches], potential)
    return [search.result() if isinstance(search, _Search) else search for search in found]


def _search(layer: Structure) -> _Search:
    """Shifts that bring a layer closest to the next, those of equal height taken for one."""
    heights = contact_heights(layer, SHIFTS)
    chosen: list[int] = []
    for number in sorted(range(len(SHIFTS)), key=lambda number: (round(heights[number], 3), number)):
        if all(abs(heights[number] - heights[other]) > _SAME_HEIGHT for other in chosen):
            chosen.append(number)
    chosen = chosen[:CLOSEST]
    return _Search(layer, [SHIFTS[number] for number in chosen], [heights[number] for number in chosen])


def _evaluate(asked: list[tuple[_Search, list[_Place]]], potential: Potential) -> None:
    """Fill in energies of stacks, those of all layers in one call."""
    stacks = [search.at(*place) for search, places in asked for place in places]
    results = iter(potential.evaluate(stacks, forces=False))
    for search, places in asked:
        for place in places:
            result = next(results)
            if result.energy_per_atom is None:
                search.failure = result.failure or "no energy"
            else:
                search.energies[place] = result.energy_per_atom
