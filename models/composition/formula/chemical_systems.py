"""Chemical systems by name, as ``Mg-Mn-O``."""

from __future__ import annotations

from itertools import combinations


def sub_systems(system: str) -> list[str]:
    """Chemical systems that are made of a system's elements only, itself last.

    Examples
    --------
    >>> sub_systems("Mg-O")
    ['Mg', 'O', 'Mg-O']
    """
    elements = system.split("-")
    return ["-".join(part) for size in range(1, len(elements) + 1) for part in combinations(elements, size)]
