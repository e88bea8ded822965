"""Reader of the AFLOW prototypes that come with pymatgen: 285 structure types, each as a structure of a real compound.

The packaged file is read as plain JSON; pymatgen's own loader would import the classes it names.
"""

import importlib.util
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..files.json_stream import json_items, load
from ..files.open_files import SourceFileError
from ..records.material_fields import facts_of_amounts, identity, space_group
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.structure_fields import amounts_of, read_structure, structure_fields

REFERENCE = (
    "M. J. Mehl et al., The AFLOW Library of Crystallographic Prototypes: Part 1, Comput. Mater. Sci. 136, S1 (2017)"
)
_PACKAGE, _FILE = "pymatgen.analysis.prototypes", "aflow_prototypes.json.gz"
_TAG = re.compile(r"\w+?_[a-z][A-Z]\d+_(?P<space_group>\d+)_.*")
# Minerals of the file that are only the letter of a phase.
_GREEK = ("alpha", "beta", "gamma", "delta")
FAULTY = frozenset({"A_cI16_206_c", "sigma_tP30_136_bf2ij", "ABC_cP12_198_a_a_a"})
"""Labels of records that are no crystals: Si in the cell of diamond (10.67 g/cm^3), a and c of the sigma phase
exchanged (Rh and Pd 1.26 Å apart), ullmannite with Ni and Sb 1.03 Å apart."""


@dataclass(frozen=True, kw_only=True)
class Prototypes:
    """AFLOW's crystallographic prototypes but the `FAULTY` ones; the id is AFLOW's label.

    Some labels stand for several prototypes (bct In and bct Pa); to these the formula is added.
    """

    kind: ClassVar[str] = "prototypes"
    version: ClassVar[int] = 2

    source: str = "aflow-prototypes"
    source_version: str | None = None
    complete: bool = True

    def describe(self) -> dict[str, Any]:
        """Describe all that shapes what `parse` makes."""
        return {
            "kind": self.kind,
            "version": self.version,
            "source": self.source,
            "source_version": self.source_version,
        }

    def files(self) -> list[Path]:
        """Find pymatgen's packaged file.

        Raises
        ------
        SourceFileError
            Where this version of pymatgen does not have it.
        """
        package = importlib.util.find_spec(_PACKAGE)
        for folder in (package.submodule_search_locations or []) if package else []:
            path = Path(folder) / _FILE
            if path.is_file():
                return [path]
        msg = f"the installed pymatgen has no {_FILE} in {_PACKAGE}; install the version in constraints.txt"
        raise SourceFileError(msg)

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        """Read the prototypes; ids need two readings, since a label may occur again."""
        labels = Counter(_label(item.value) for item in json_items(path) if not isinstance(item, BadRecord))
        index = 0
        for item in json_items(path):
            if isinstance(item, BadRecord):
                yield item.moved(item.place, index)
            elif (label := _label(item.value)) in FAULTY:
                continue
            else:
                yield RawRecord(item.place, index, (item.text, labels[label] == 1))
            index += 1

    def parse(self, raw: RawRecord) -> Documents:
        """Make the document of one prototype.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        text, alone = raw.payload
        record = load(text)
        label = _label(record)
        if label is None:
            raise BadRecord("it has no AFLOW label", remedy="install the version of pymatgen in constraints.txt")
        structure = read_structure(record.get("snl"))
        reduced = facts_of_amounts(amounts_of(structure)).reduced
        tags = {name: value for name, value in record["tags"].items() if value not in ("", "None")}
        name = tags.get("mineral") or reduced
        if name in _GREEK:
            name = f"{name} {reduced}"
        source_id = label if alone else f"{label}.{re.sub(r'[^A-Za-z0-9-]+', '-', name).strip('-')}"
        document = {
            **identity(self.source, source_id, self.source_version),
            **structure_fields(structure),
            "dimension_claimed": 3,
            "prototype": name,
            "reference": REFERENCE,
            "extra": tags,
        }
        if match := _TAG.fullmatch(label):
            document["space_group"] = space_group(int(match["space_group"]))
        return {"materials": [document]}


def _label(record: Any) -> str | None:
    tags = record.get("tags") if isinstance(record, dict) else None
    label = tags.get("aflow") if isinstance(tags, dict) else None
    return label if isinstance(label, str) and label else None
