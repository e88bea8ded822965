"""Valence electrons of each species, from the head of a vasprun.xml: pymatgen reads past them.

They tell the number of electrons of the neutral cell.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

_CHUNK: Final = 1 << 18
_END: Final = b"</atominfo>"
_TYPES = re.compile(rb'<array\s+name="atomtypes".*?</array>', re.DOTALL)
_ROW = re.compile(rb"<rc>\s*" + rb"\s*".join([rb"<c>([^<]*)</c>"] * 5))


class Species(NamedTuple):
    """Atoms of one POTCAR: how many, and the valence electrons of each."""

    atoms: int
    valence: float


def species_of(path: Path) -> list[Species]:
    """Species of a plain vasprun.xml, in its order; empty where it does not tell."""
    head = b""
    with path.open("rb") as stream:
        while _END not in head[-_CHUNK - len(_END) :] and (chunk := stream.read(_CHUNK)):
            head += chunk
    table = _TYPES.search(head)
    if table is None:
        return []
    try:
        return [Species(int(row[1]), float(row[4])) for row in _ROW.finditer(table[0])]
    except ValueError:
        return []
