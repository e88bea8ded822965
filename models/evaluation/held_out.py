"""Which records are kept for the final check: a fifth of all families, by a rule that nobody can choose by.

Rates at which templates find known structures again are measured on these once, when nothing is changed any more;
rules, weights and libraries are chosen on the others. Chosen on 2026-11-30, before any of them was looked at.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from ..composition.stoichiometry import GROUP_NAMES
from .relatives import family

ONE_OF: Final = 5
"""One family of so many is kept."""


def kept_for_the_end(formula: str) -> bool:
    """Whether a composition is of a family that is kept for the final check.

    A family is a text as ``group 14:1,group 16:2``: groups in the order of the periodic table (`GROUP_NAMES`), each
    element with its atoms in the reduced formula. Kept is one whose SHA-256 hash, as a number, divides by `ONE_OF`.

    Parameters
    ----------
    formula
        Reduced or not.
    """
    text = ",".join(f"{GROUP_NAMES[group]}:{amount:g}" for group, amount in family(formula))
    return int.from_bytes(sha256(text.encode()).digest()) % ONE_OF == 0
