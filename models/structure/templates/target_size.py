"""How large a structure to be made is: from the crystals of its prototype and the volume that its elements take.

Knows compositions and sizes; makes no structures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from ..cells.decorations import Split
from ..cells.fragments import NETWORK, Size
from ..sizes.lengths import expected_length
from ..sizes.relatives import suggested_excess
from ..sizes.volumes import expected_volume
from ..substitution.element_mapping import cost_row, substitution_costs


@dataclass(frozen=True, slots=True)
class Relatives:
    """Crystals of the prototype of a structure to be made, none of its composition.

    Attributes
    ----------
    formulas
        n reduced formulas.
    places
        (slots, n) place on the modified Pettifor scale of the element that each new element replaces, in the order of
        the target's elements.
    sizes
        n sizes.
    """

    formulas: tuple[str, ...]
    places: NDArray[np.intp] = field(repr=False)
    sizes: tuple[Size, ...]


def target_size(
    formula: str, elements: Sequence[str], split: Split | None, relatives: Relatives, dimension: int
) -> Size | None:
    """Size that the crystals of a prototype suggest for a composition; None where they tell nothing.

    Parameters
    ----------
    formula
        Reduced.
    elements
        Of the composition, in the order of `Relatives.places`; two may be one, ``split.name``.
    split
        The two that share the sites of one.
    relatives
        Crystals of the prototype.
    dimension
        Of the fragments of the template that lends its geometry; only sizes of such are alike.
    """
    volume = expected_volume(formula)
    alike = [
        number
        for number, (relative, size) in enumerate(zip(relatives.formulas, relatives.sizes, strict=True))
        if size.dimension == dimension and expected_volume(relative) is not None
    ]
    if volume is None or not alike:
        return None
    costs = substitution_costs()
    places = relatives.places[:, alike]
    to_target = np.stack([cost_row(name, costs, split)[row] for name, row in zip(elements, places, strict=True)])
    among = costs[places[:, :, None], places[:, None, :]]

    def suggested(values: list[float], expect: Callable[[str], float | None], *, of_volumes: bool) -> float:
        known = np.log([expect(relatives.formulas[number]) or np.nan for number in alike])
        excess = suggested_excess(np.log(values) - known, to_target, among, of_volumes=of_volumes)
        return exp(log(expect(formula) or np.nan) + excess)

    volumes = [size.volume for number in alike if (size := relatives.sizes[number]).volume is not None]
    cell = suggested(volumes, expected_volume, of_volumes=True) if len(volumes) == len(alike) else None
    if dimension == NETWORK and cell is not None:
        return Size(NETWORK, cell ** (1 / 3), cell)
    cubes = [relatives.sizes[number].length ** 3 for number in alike]
    return Size(dimension, suggested(cubes, _expected_cube, of_volumes=False) ** (1 / 3), cell)


def _expected_cube(formula: str) -> float | None:
    length = expected_length(formula)
    return None if length is None else length**3
