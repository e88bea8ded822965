"""What the structures of a route are like: how concentrated the supply of their elements, how far from known ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pymatgen.core.periodic_table import Element

from ....models.evaluation.distances import Distance, of_kinds, of_numbers
from ....models.evaluation.supply import UNCONCENTRATED, concentration
from .route_records import Shape


@dataclass(frozen=True, slots=True)
class Supply:
    """Herfindahl-Hirschman indices, 0 to 10,000: means over distinct valid structures.

    Attributes
    ----------
    known
        Structures all of whose elements have one.
    production, reserves
        Means.
    unconcentrated
        Share with a production below 1,500.
    """

    known: int
    production: float
    reserves: float
    unconcentrated: float


@dataclass(frozen=True, slots=True)
class Likeness:
    """How far distinct valid structures of one dimension are from known ones of the same elements as distributions.

    Attributes
    ----------
    dimension
        2 for layers, else 3.
    made, known
        Structures that are compared.
    density
        g/cm^3; of layers mg/m^2. Wasserstein distance.
    number_of_elements
        Wasserstein distance.
    space_groups, elements
        Jensen-Shannon distances.
    """

    dimension: int
    made: int
    known: int
    density: Distance | None
    number_of_elements: Distance | None
    space_groups: Distance | None
    elements: Distance | None


def supply(formulas: Sequence[str]) -> Supply | None:
    """Mean concentration of the supply of structures' elements; None where no structure has one."""
    known = [index for formula in formulas if (index := concentration(formula)) is not None]
    if not known:
        return None
    n = len(known)
    return Supply(
        n,
        sum(index.production for index in known) / n,
        sum(index.reserves for index in known) / n,
        sum(index.production < UNCONCENTRATED for index in known) / n,
    )


def likeness(dimension: int, made: Sequence[Shape], known: Sequence[Shape]) -> Likeness:
    """Distances of structures made to known ones.

    Parameters
    ----------
    dimension
        Of all of them.
    made, known
        The structures; no distance is known where there are none.
    """
    elements = [[int(Element(symbol).Z) for one in shapes for symbol in one.elements] for shapes in (made, known)]
    return Likeness(
        dimension,
        len(made),
        len(known),
        of_numbers(*([one.density for one in shapes if one.density is not None] for shapes in (made, known))),
        of_numbers(*([len(one.elements) for one in shapes] for shapes in (made, known))),
        of_kinds(*([one.space_group for one in shapes if one.space_group is not None] for shapes in (made, known))),
        of_kinds(*elements),
    )
