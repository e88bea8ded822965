"""Reader of V2DB: predicted two-dimensional materials, as the table its authors publish.

Its columns and their units are stated here; the rest is that of any table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from ..readers.table import Table


def _columns() -> dict[str, str]:
    # Sorkun et al. train on C2DB and predict in its units: eV/atom for both energies, eV for the gap.
    return {
        "formula": "Material",
        "id": "id",
        "prototype": "Prototype",
        "formation_energy": "Heat_of_formation:eV/atom",
        "energy_above_hull": "Energy_above_convex_hull:eV/atom",
        "band_gap": "Band_Gap:eV",
    }


@dataclass(frozen=True, kw_only=True)
class V2db(Table):
    """Predicted monolayers of V2DB: formula, prototype (as C2DB calls it) and predicted properties, no structure."""

    kind: ClassVar[str] = "v2db"
    default_source: ClassVar[str] = "v2db"

    columns: Mapping[str, str] = field(default_factory=_columns)
    method: str | None = "machine learning on PBE (C2DB)"
    reference: str | None = "M. C. Sorkun et al., V2DB, npj Comput. Mater. 6, 106 (2020)"
    dimension: int | None = 2
