"""Which of many structures of one formula are the same, remembering the comparisons of an earlier time.

Each structure is compared with the first of every family found so far, and more closely with the first of every
structure in its family. The result depends on the structures and their names alone, not on what is remembered, nor on
the order in which they came to be known. It knows no database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np

from ..serialization import Arrays
from .cell_matching import Misfit
from .likeness import Likeness, likeness
from .matching import Comparison, Prepared, prepare

VERSION: Final = b"3"
"""Raised when comparisons turn out otherwise: fingerprints of before are then worth nothing."""


@dataclass(frozen=True, slots=True)
class Link:
    """What became of a structure, and what is worth remembering of it.

    Attributes
    ----------
    family
        Name of the first structure, by name, that is alike; its own where it is that one.
    representative
        Name of the first of its family that is the same structure; its own where it is that one.
    fingerprint
        Of the structure as it was compared.
    likeness
        To its representative, or, where it is that itself, to the first of its family; None for that one.
    """

    family: str
    representative: str
    fingerprint: str
    likeness: Likeness | None = None


def link(structures: Mapping[str, Arrays], earlier: Mapping[str, Link] | None = None) -> dict[str, Link]:
    """Find families of structures that are alike, and which in them are the same.

    Parameters
    ----------
    structures
        By name.
    earlier
        What this function gave for all there were at an earlier time. Pairs of which neither has changed since are
        not compared again: one that had joined a representative is known to be like it and unlike every
        representative with a name before.

    Returns
    -------
    dict
        For each structure, in the order of their names.
    """
    fingerprints = {name: fingerprint(structures[name]) for name in sorted(structures)}
    known = {name: old for name, old in (earlier or {}).items() if fingerprints.get(name) == old.fingerprint}
    compare = _Comparing(structures)
    families_before = {name: old.family for name, old in known.items()}
    distinct: dict[str, list[str]] = {}  # structures of each family
    links: dict[str, Link] = {}
    for name, digest in fingerprints.items():
        family = _first(name, distinct, families_before, compare.alike)
        if family is None:
            distinct[name] = [name]
            links[name] = Link(name, name, digest)
            continue
        # What was said within another family tells nothing here.
        before = {other: old.representative for other, old in known.items() if old.family == family}
        same = _first(name, distinct[family], before, compare.same)
        if same is None:
            distinct[family].append(name)
        remembered = known.get(name)
        if remembered is not None and (remembered.family, remembered.representative) == (family, same or name):
            links[name] = remembered
        else:
            links[name] = Link(family, same or name, digest, compare.likeness(same or family, name))
    return links


def fingerprint(arrays: Arrays) -> str:
    """Hash of a structure that differs as soon as any number in it does."""
    names = {id(mixture): str(mixture) for mixture in {id(mixture): mixture for mixture in arrays.species}.values()}
    sites = "\n".join(names[id(mixture)] for mixture in arrays.species)
    numbers = np.ascontiguousarray(arrays.matrix).tobytes() + np.ascontiguousarray(arrays.fractional).tobytes()
    return blake2b(VERSION + bytes(arrays.pbc) + sites.encode() + numbers, digest_size=12).hexdigest()


def _first(
    name: str, candidates: Iterable[str], before: Mapping[str, str], same: Callable[[str, str], bool]
) -> str | None:
    """Find the first candidate that this structure joins, asking only where it isn't known from an earlier time."""
    for candidate in candidates:
        remembered = _remembered(before, candidate, name)
        if remembered or (remembered is None and same(candidate, name)):
            return candidate
    return None


def _remembered(known: Mapping[str, str], representative: str, name: str) -> bool | None:
    """Say how a comparison went, from the representatives of what hasn't changed; None where there was none."""
    joined = known.get(name)
    if joined is None or representative not in known:
        return None
    if joined == representative:
        return True
    # A structure joins the first representative that it is like, so it was unlike those before.
    return False if known[representative] == representative and representative < joined else None


class _Comparing:
    """Compares structures by name, each brought into the form for that when it is first needed."""

    def __init__(self, structures: Mapping[str, Arrays]) -> None:
        self._structures = structures
        self._prepared: dict[str, Prepared] = {}
        self._comparison = Comparison()
        self._misfit: dict[tuple[str, str], Misfit | bool] = {}
        self._likeness: dict[tuple[str, str], Likeness] = {}

    def alike(self, known: str, name: str) -> bool:
        found = self._comparison.misfit(self._get(known), self._get(name))
        self._misfit[known, name] = found
        return bool(found)

    def same(self, known: str, name: str) -> bool:
        return self.likeness(known, name).same

    def likeness(self, known: str, name: str) -> Likeness:
        if (known, name) not in self._likeness:
            self._likeness[known, name] = likeness(
                self._get(known), self._get(name), self._misfit.get((known, name), True)
            )
        return self._likeness[known, name]

    def _get(self, name: str) -> Prepared:
        if name not in self._prepared:
            self._prepared[name] = prepare(self._structures[name])
        return self._prepared[name]
