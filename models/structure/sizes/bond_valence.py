"""Tables of bonds and charges as pymatgen has them, kept here: pymatgen takes half a second to read its own.

Bond valence parameters: M. O'Keeffe and N. E. Brese, J. Am. Chem. Soc. 113, 3226 (1991), doi:10.1021/ja00009a002.
Frequencies of oxidation states: how often each occurs in the ICSD (`pymatgen.core.bond_valence.PRIOR_PROB`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_TABLES: Final[dict[str, Any]] = json.loads(Path(__file__).with_suffix(".json").read_text())

VALENCE: Final[Mapping[str, tuple[float, float]]] = {
    symbol: (r, c) for symbol, (r, c) in _TABLES["bond_valence"].items()
}
"""Radius r in Å and electronegativity c of each element."""
OCCURRENCE: Final[Mapping[tuple[str, int], int]] = {
    (symbol, int(state)): number for symbol, states in _TABLES["occurrence"].items() for state, number in states.items()
}
"""How often each oxidation state of each element occurs."""
