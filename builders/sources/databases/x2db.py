"""Reader of X2DB, the database of two-dimensional materials that have been made: folders in the layout of C2DB.

Its authors describe what it holds (Akhound et al., arXiv:2603.05083 (2026)), and no description of its files is
published. DTU's databases share one web program (camd-web), whose layout this is: a folder with data.json and
structure.xyz for each material. What is laid out otherwise is refused; a table or a database of X2DB's is read as such,
with ``--synthesised``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .c2db_folders import C2dbFolders

REFERENCE = "M. A. Akhound et al., X2DB, arXiv:2603.05083 (2026)"


@dataclass(frozen=True, kw_only=True)
class X2db(C2dbFolders):
    """Layers of X2DB, all of them made; what was computed for them is PBE, as in C2DB."""

    kind: ClassVar[str] = "x2db"
    version: ClassVar[int] = 2
    file_kinds: ClassVar[str] = "X2DB's data.json, each beside its structure.xyz"
    default_source: ClassVar[str] = "x2db"
    needed: ClassVar[frozenset[str]] = frozenset({"uid"})
    reference: ClassVar[str] = REFERENCE

    @staticmethod
    def has_been_made(record: Mapping[str, Any]) -> bool:  # noqa: ARG004
        """Whether a report of the material is known: of all of them."""
        return True
