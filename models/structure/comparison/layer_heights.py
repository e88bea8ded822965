"""A monolayer from the side: the slabs in its cell, and at which height the atoms of each element lie.

In-plane places are not looked at here; two layers that differ in heights differ whatever those say.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from math import lcm
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..serialization import Arrays
from ..vacuum import MIN_GAP, Gap

HEIGHT_TOLERANCE: Final = 0.15
"""Share of a layer's thickness by which an atom may lie higher in one of two layers that are alike; within the limits
below, Å. Of X-M-M-X and M-X-X-M every atom lies half a bond higher or lower, a quarter of the thickness or so."""
_LEAST, _MOST = 0.3, 0.7
ABOVE: Final = 0.2
"""Å by which an atom of one element lies above one of another for good: where it lies as far below in the other layer,
that is another order of planes, as of GeS with Ge outside and with S outside."""

Array = NDArray[np.float64]
Heights = Mapping[str, Array]
"""Å above the middle of the layer, ascending, by element."""


def slabs(arrays: Arrays, gap: Gap) -> list[Arrays]:
    """Atoms of each slab in a cell, from below, each in the cell of all: slabs are `MIN_GAP` or more apart.

    Parameters
    ----------
    arrays
        A crystal with a vacuum.
    gap
        Its thickest gap.
    """
    heights = np.mod(arrays.fractional[:, gap.axis] - gap.start + 1e-9, 1) * gap.height
    order = np.argsort(heights, kind="stable")
    cuts = np.flatnonzero(np.diff(heights[order]) >= MIN_GAP) + 1
    return [
        arrays._replace(fractional=arrays.fractional[own], species=[arrays.species[index] for index in own])
        for own in np.split(order, cuts)
    ]


def heights_of(arrays: Arrays, gap: Gap) -> Heights:
    """At which height the atoms of each element of a layer lie."""
    heights = np.mod(arrays.fractional[:, gap.axis] - gap.start + 1e-9, 1) * gap.height
    heights -= (heights.max() + heights.min()) / 2
    names = {id(species): str(species) for species in {id(one): one for one in arrays.species}.values()}
    own: dict[str, list[float]] = {}
    for species, height in zip(arrays.species, heights.tolist(), strict=True):
        own.setdefault(names[id(species)], []).append(height)
    return {name: np.sort(values) for name, values in own.items()}


def heights_alike(a: Heights, b: Heights) -> bool:
    """Say whether every atom of one layer has one of the other at its height, one of them turned over or not."""
    if a.keys() != b.keys():
        return False
    thickness = max(float(values[-1]) for heights in (a, b) for values in heights.values()) * 2
    most = min(max(HEIGHT_TOLERANCE * thickness, _LEAST), _MOST)
    over = {name: -values[::-1] for name, values in b.items()}
    for other in (b, over):
        apart = _apart(a, other)
        # Two atoms that pass each other by that much have moved by twice as much in all.
        if apart <= most and (apart <= ABOVE or not _other_order(a, other)):
            return True
    return False


def _apart(a: Heights, b: Heights) -> float:
    """Largest difference in height of two atoms of an element, the atoms paired from below."""
    return max(float(np.abs(np.subtract(*_paired(own, b[name]))).max()) for name, own in a.items())


def _other_order(a: Heights, b: Heights) -> bool:
    """Whether an atom that lies above one of another element in one layer lies below it in the other."""
    pairs = []
    for name, own in a.items():
        pair = np.stack(_paired(own, b[name]))
        # Of n and m atoms no more than n + m pairs differ, of as many as n times m.
        pairs.append(pair if len(own) == len(b[name]) else np.unique(pair, axis=1))
    for (one, its), (other, others) in combinations(pairs, 2):
        above, below = np.subtract.outer(one, other), np.subtract.outer(its, others)
        if ((above * below < 0) & (np.minimum(np.abs(above), np.abs(below)) > ABOVE)).any():
            return True
    return False


def _paired(own: Array, other: Array) -> tuple[Array, Array]:
    """Heights of an element's atoms in two layers, paired from below; cells may be of different size."""
    number = lcm(len(own), len(other))
    return np.repeat(own, number // len(own)), np.repeat(other, number // len(other))
