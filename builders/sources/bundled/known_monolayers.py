"""Reader of the bundled list of monolayers that have been made: which layer of the handbook's crystals, how, by whom.

Each is cut from its bulk crystal, in that crystal's cell: nothing is relaxed.
"""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from ....models.structure.layered.monolayer import NotLayered, monolayers
from ....models.structure.symmetry.symmetry_analysis import space_group as space_group_of
from ..records.material_fields import identity, space_group
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.structure_fields import checked, structure_fields
from .handbook import TABLE, TYPES, Handbook, crystal

LIST: Final = Path(__file__).with_name("known_monolayers.csv")
SYMMETRY_TOLERANCE: Final = 0.01  # Å; the handbook's coordinates are exact
_TOLD: Final = ("method", "reference")
_REMEDY: Final = "correct the row in known_monolayers.csv"


@dataclass(frozen=True, kw_only=True)
class KnownMonolayers:
    """Monolayers of well-known layered crystals that have been isolated or grown, with how and who reported it."""

    kind: ClassVar[str] = "known-monolayers"
    version: ClassVar[int] = 3

    source: str = "known-monolayers"
    source_version: str | None = "2"
    complete: bool = True

    def describe(self) -> dict[str, Any]:
        """Describe all that shapes what `parse` makes, the crystals they are cut from included."""
        bulk = b"".join(path.read_bytes() for path in (TABLE, TYPES))
        return {
            "kind": self.kind,
            "version": self.version,
            "source": self.source,
            "source_version": self.source_version,
            "handbook_sha256": hashlib.sha256(bulk).hexdigest(),
        }

    def files(self) -> list[Path]:
        """Path of the bundled list."""
        return [LIST]

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        """Read the list; the payload of a row is the handbook's row of the crystal with method and reference."""
        table = (raw for raw in Handbook().records(TABLE) if isinstance(raw, RawRecord))
        crystals = {raw.payload["row"]["id"]: raw.payload for raw in table}
        with path.open(encoding="utf-8", newline="") as listed:
            for index, row in enumerate(csv.DictReader(listed)):
                place = f"line {index + 2}"
                missing = [name for name in _TOLD if not row[name]]
                if row["bulk"] not in crystals or missing:
                    reason = f"it has no {missing[0]}" if missing else f"the handbook has no {row['bulk']!r}"
                    yield BadRecord(reason, remedy=_REMEDY, place=place, index=index)
                else:
                    yield RawRecord(place, index, crystals[row["bulk"]] | {name: row[name] for name in _TOLD})

    def parse(self, raw: RawRecord) -> Documents:
        """Cut the monolayer.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        row, kind = raw.payload["row"], raw.payload["type"]
        try:
            [layer] = monolayers(crystal(row, kind, primitive=True))
        except NotLayered as error:
            raise BadRecord(f"no layer can be cut from {row['id']}: {error}", remedy=_REMEDY) from error
        group = space_group_of(layer.structure, tolerance=SYMMETRY_TOLERANCE)
        document = {
            **identity(self.source, row["id"], self.source_version),
            **structure_fields(checked(layer.structure)),
            "formula": row["formula"],
            "space_group": space_group(group.number, group.symbol),
            "dimension_claimed": 2,
            "synthesised": True,
            "synthesis_method": raw.payload["method"],
            "discovery": "top-down",
            "parent_id": f"handbook:{row['id']}",
            "reference": raw.payload["reference"],
            "extra": {"cell": "that of the bulk crystal, not relaxed"},
        }
        return {"materials": [document]}
