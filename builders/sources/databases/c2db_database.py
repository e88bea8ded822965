"""Reader of C2DB as an ASE database, the form it was distributed in until 2023; its keys and units are stated here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from ..readers.ase_database import AseDatabase
from ..records.raw_record import Documents, RawRecord


def _c2db_columns() -> dict[str, str]:
    # The key descriptions of C2DB: https://cmr.fysik.dtu.dk/c2db/c2db.html#key-value-pairs
    return {
        "formation_energy": "hform:eV/atom",
        "energy_above_hull": "ehull:eV/atom",
        "band_gap": "gap:eV",
        "prototype": "prototype",
        "space_group": "spgnum",
    }


@dataclass(frozen=True, kw_only=True)
class C2db(AseDatabase):
    """Monolayers of the Computational 2D Materials Database, by PBE."""

    kind: ClassVar[str] = "c2db"
    default_source: ClassVar[str] = "c2db"

    columns: Mapping[str, str] = field(default_factory=_c2db_columns)
    method: str | None = "PBE"
    reference: str | None = "S. Haastrup et al., 2D Mater. 5, 042002 (2018); M. N. Gjerding et al., 2D Mater. 8, 044002"
    dimension: int | None = 2

    def parse(self, raw: RawRecord) -> Documents:
        """Make the document of one row; a row with the DOI of a report of the monolayer has been made.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        documents = super().parse(raw)
        if raw.payload["key_value_pairs"].get("doi"):
            documents["materials"][0]["synthesised"] = True
        return documents
