"""Which method of a property goes before which: measured first, then by how well a calculation does it.

One place for all who choose among values. Which source goes before which is a setting.
"""

from __future__ import annotations

import re
from typing import Final

HSE06: Final = re.compile(r"HSE06", re.IGNORECASE)
RELAXED: Final = re.compile(r"\brelaxed$")
"""Of energies by a potential, those of relaxed structures go before those of structures as they were proposed."""

_MEASURED: Final = re.compile(r"^experiment", re.IGNORECASE)
METHODS: Final = {
    "band_gap": (
        _MEASURED,
        HSE06,
        *(
            re.compile(pattern, re.IGNORECASE)
            for pattern in (r"HSE|PBE0|PBEO|B3LYP|hybrid|G0W0|GW", r"SCAN|mBJ|TPSS|M06", r"\+U|_U")
        ),
    ),
    "exfoliation_energy": (_MEASURED, re.compile(r"RPA|vdW|VV10|optB8|DF2|-D[234]|\bTS\b|MBD", re.IGNORECASE)),
}
"""By property, the methods that go before others. Band gaps: measured, HSE06, other hybrids and GW, meta-GGAs, with U,
and last the rest, since plain GGA underestimates gaps most. Exfoliation energies: measured, with van der Waals terms,
without. Any other property: measured, calculated."""


def rank(kind: str, method: str) -> int:
    """Place of a method among those of a property; 0 goes first.

    >>> [rank("band_gap", method) for method in ("experiment, 298 K", "HSE06", "PBE")]
    [0, 1, 5]
    """
    patterns = METHODS.get(kind, (_MEASURED,))
    return next((number for number, pattern in enumerate(patterns) if pattern.search(method)), len(patterns))
