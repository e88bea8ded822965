"""Reader of OMat24 (Barroso-Luque et al., arXiv:2410.12771): .aselmdb files of structures mostly out of equilibrium.

Energies of the cell in eV, by PBE or PBE+U with settings other than the Materials Project's, so that they belong on
no hull of its entries. The id is the ``sid`` that fairchem keeps with a row.
"""

from dataclasses import dataclass
from typing import ClassVar

from ..readers.ase_database import AseDatabase
from ..records.raw_record import Documents, RawRecord

LICENSE = "CC BY 4.0"


@dataclass(frozen=True, kw_only=True)
class Omat24(AseDatabase):
    """Structures of OMat24 with their static energies."""

    kind: ClassVar[str] = "omat24"
    version: ClassVar[int] = 1
    file_kinds: ClassVar[str] = "OMat24's files (.aselmdb)"
    suffixes: ClassVar[tuple[str, ...]] = (".aselmdb",)
    default_source: ClassVar[str] = "omat24"

    id_key: str = "sid"
    method: str | None = "PBE (+U), OMat24 settings"
    reference: str | None = "L. Barroso-Luque et al., OMat24, arXiv:2410.12771 (2024)"
    dimension: int | None = 3

    def parse(self, raw: RawRecord) -> Documents:
        """Make the document of one row.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        documents = super().parse(raw)
        documents["materials"][0].setdefault("extra", {})["license"] = LICENSE
        return documents
