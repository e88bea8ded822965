"""Which of many structures of one formula are the same, remembering the comparisons of an earlier time.

Each structure is compared with the first of every kind found so far. The result depends on the structures and their
names alone, not on what is remembered, nor on the order in which they came to be known. It knows no database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np

from ..serialization import Arrays
from .matching import Comparison, Prepared, prepare

VERSION: Final = b"1"
"""Raised when comparisons turn out otherwise: fingerprints of before are then worth nothing."""


@dataclass(frozen=True, slots=True)
class Link:
    """What became of a structure, and what is worth remembering of it.

    Attributes
    ----------
    representative
        Name of the first structure, by name, that is of its kind; its own where it is that one.
    fingerprint
        Of the structure as it was compared.
    """

    representative: str
    fingerprint: str


def link(structures: Mapping[str, Arrays], earlier: Mapping[str, Link] | None = None) -> dict[str, Link]:
    """Find the kinds among structures.

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
    known = {
        name: before.representative
        for name, before in (earlier or {}).items()
        if fingerprints.get(name) == before.fingerprint
    }
    comparison = Comparison()
    prepared = _Preparing(structures)
    representatives: list[str] = []
    links: dict[str, Link] = {}
    for name, digest in fingerprints.items():
        representative = name
        for candidate in representatives:
            same = _remembered(known, candidate, name)
            if same or (same is None and comparison.same(prepared[candidate], prepared[name])):
                representative = candidate
                break
        else:
            representatives.append(name)
        links[name] = Link(representative, digest)
    return links


def fingerprint(arrays: Arrays) -> str:
    """Hash of a structure that differs as soon as any number in it does."""
    names = {id(mixture): str(mixture) for mixture in {id(mixture): mixture for mixture in arrays.species}.values()}
    sites = "\n".join(names[id(mixture)] for mixture in arrays.species)
    numbers = np.ascontiguousarray(arrays.matrix).tobytes() + np.ascontiguousarray(arrays.fractional).tobytes()
    return blake2b(VERSION + bytes(arrays.pbc) + sites.encode() + numbers, digest_size=12).hexdigest()


def _remembered(known: Mapping[str, str], representative: str, name: str) -> bool | None:
    """Say how a comparison went, from the representatives of what hasn't changed; None where there was none."""
    joined = known.get(name)
    if joined is None or representative not in known:
        return None
    if joined == representative:
        return True
    # A structure joins the first representative that it is like, so it was unlike those before.
    return False if known[representative] == representative and representative < joined else None


class _Preparing(dict[str, Prepared]):
    """Structures in the form in which they are compared, brought into it when that is first needed."""

    def __init__(self, structures: Mapping[str, Arrays]) -> None:
        super().__init__()
        self._structures = structures

    def __missing__(self, name: str) -> Prepared:
        self[name] = prepared = prepare(self._structures[name])
        return prepared
