"""Names the forms of elements that measured energies of formation refer to. Knows no energies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

STANDARD_STATES: Final = {"C": "graphite", "P": "white", "S": "rhombic", "Sn": "white"}
"""Forms of elements that have several solid ones: J. D. Cox, D. D. Wagman, V. A. Medvedev, CODATA Key Values for
Thermodynamics (1989). Phosphorus is the one whose reference is not the most stable: red and black lie 17.6 and 39.3
kJ/mol lower (CRC Handbook of Chemistry and Physics, after the NBS tables), so that measured energies of its compounds
lie up to 0.41 eV per P below those computed against black phosphorus."""


def standard_states(elements: Iterable[str]) -> dict[str, str]:
    """Forms that tables of measured energies take for zero, of the elements that have a choice.

    Examples
    --------
    >>> standard_states(["Li", "P", "O"])
    {'P': 'white'}
    """
    return {symbol: STANDARD_STATES[symbol] for symbol in elements if symbol in STANDARD_STATES}
