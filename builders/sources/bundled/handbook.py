"""Reader of the bundled handbook: well-known inorganic crystals, one row of a table each, written for this project.

``handbook.csv`` has the rows, ``handbook_types.yaml`` what rows of one structure type share, and the references. Knows
these two files; the crystallography is in `models.structure.wyckoff`.
"""

import csv
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure
from ruamel.yaml import YAML

from ....models.structure.symmetry.from_wyckoff import (
    Site,
    SiteError,
    SpaceGroupError,
    build_structure,
    cell,
    coordinate,
    find_setting,
)
from ..records.material_fields import identity, space_group
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.structure_fields import check_formula, checked, structure_fields
from ..records.units import KJ_PER_MOL_PER_EV

TABLE: Final = Path(__file__).with_name("handbook.csv")
TYPES: Final = Path(__file__).with_name("handbook_types.yaml")

COLUMNS: Final = (
    "id",  # unique and stable: formula and polymorph
    "formula",
    "name",  # of the mineral, or the common one
    "type",  # structure type, see handbook_types.yaml
    "elements",  # which element plays which role of the type, "M=Mo X=S"
    *("a", "b", "c"),  # Å; those that the crystal system leaves free
    *("alpha_deg", "beta_deg", "gamma_deg"),
    "parameters",  # free coordinates of the type, "z=0.621"
    "layered",  # yes or no, by chemistry
    "formation_enthalpy_kJ_per_mol",  # of one formula unit at 298 K, measured; phosphides refer to white phosphorus
    "exfoliation_energy_eV_per_atom",  # measured
    "band_gap_eV",  # measured
    "references",  # keys of handbook_types.yaml, for cell and coordinates
    "rule_exception",  # why the layer rule disagrees with `layered`, where it does
)

_CELL: Final = {"a": "a", "b": "b", "c": "c", "alpha": "alpha_deg", "beta": "beta_deg", "gamma": "gamma_deg"}
_MEASURED: Final = {
    "formation_energy": "experiment, 298 K",
    "exfoliation_energy": "experiment",
    "band_gap": "experiment",
}
_SPACE_GROUP: Final = re.compile(r"(\S+) \((\d+)\)")
_REMEDY: Final = "correct the row in handbook.csv, or its type in handbook_types.yaml"


@dataclass(frozen=True, kw_only=True)
class Handbook:
    """Crystals of the bundled handbook, with experimental cells, coordinates and, where known, energies and gaps.

    Attributes
    ----------
    source
        Name of the source, first part of every id.
    source_version
        Version of the table.
    complete
        The table lists the whole source.
    """

    kind: ClassVar[str] = "handbook"
    version: ClassVar[int] = 2

    source: str = "handbook"
    source_version: str | None = "1"
    complete: bool = True

    def describe(self) -> dict[str, Any]:
        """Describe all that shapes what `parse` makes, the shared structure types and references included."""
        return {
            "kind": self.kind,
            "version": self.version,
            "source": self.source,
            "source_version": self.source_version,
            "types_sha256": hashlib.sha256(TYPES.read_bytes()).hexdigest(),
        }

    def files(self) -> list[Path]:
        """Path of the bundled table."""
        return [TABLE]

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        """Read the rows of a table; lines that begin with # are headings for people.

        The payload of a row holds its type and its citations in full, so that it changes when they do.
        """
        shared = read_types()
        with path.open(encoding="utf-8", newline="") as table:
            lines = ((n, line) for n, line in enumerate(table, start=1) if line.strip() and not line.startswith("#"))
            header = next(csv.reader([next(lines, (0, ""))[1]]), [])
            if tuple(header) != COLUMNS:
                yield BadRecord(
                    f"its columns are {', '.join(header)}", remedy=f"write {', '.join(COLUMNS)}", rest_unread=True
                )
                return
            for index, (number, line) in enumerate(lines):
                place, values = f"line {number}", next(csv.reader([line]))
                if len(values) != len(COLUMNS):
                    reason = f"it has {len(values)} columns, not {len(COLUMNS)}"
                    yield BadRecord(reason, remedy=_REMEDY, place=place, index=index)
                    continue
                row = dict(zip(COLUMNS, values, strict=True))
                yield RawRecord(place, index, {"row": row, **_shared_by(row, shared)})

    def parse(self, raw: RawRecord) -> Documents:
        """Make the document of one compound; its structure is the primitive cell.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        row, kind = raw.payload["row"], raw.payload["type"]
        for column in ("id", "references"):
            if not row[column]:
                raise BadRecord(f"{column} is empty", remedy=_REMEDY)
        if row["layered"] not in {"yes", "no"}:
            raise BadRecord(f"layered is neither yes nor no but {row['layered']!r}", remedy=_REMEDY)
        if kind is None:
            raise BadRecord(f"there is no structure type {row['type']!r}", remedy=_REMEDY)
        structure = checked(crystal(row, kind, primitive=True))
        check_formula(row["formula"], structure)
        symbol, number = _stated_space_group(kind)
        measured = _measured(row)
        document: dict[str, Any] = {
            **identity(self.source, row["id"], self.source_version),
            **structure_fields(structure),
            "formula": row["formula"],
            "space_group": space_group(number, find_setting(number).symbol),
            "dimension_claimed": 3,
            "layered_claimed": row["layered"] == "yes",
            "synthesised": True,  # each with the measurement of its structure
            "prototype": row["type"],
            "reference": "; ".join(_citations(raw.payload, "structure")),
            **measured,
            "methods": {field: _MEASURED[field] for field in measured},
        }
        extra = {
            "setting": symbol,
            "name": row["name"],
            "rule_exception": row["rule_exception"],
            "note": kind.get("note", ""),
            "references": {field: "; ".join(_citations(raw.payload, field)) for field in measured},
        }
        document["extra"] = {key: value for key, value in extra.items() if value}
        return {"materials": [document]}


def read_types(path: Path = TYPES) -> dict[str, Any]:
    """Read structure types, references, and which reference each property is taken from."""
    loaded = YAML(typ="safe").load(path)
    return {part: loaded[part] for part in ("types", "references", "properties")}


def crystal(row: Mapping[str, str], kind: Mapping[str, Any], *, primitive: bool = False) -> Structure:
    """Build the crystal of a row.

    Parameters
    ----------
    row
        Values by column, as printed.
    kind
        Its structure type, of handbook_types.yaml.
    primitive
        Give the primitive cell instead of the conventional one of the stated setting.

    Raises
    ------
    BadRecord
        Where row and type do not make a crystal.
    """
    elements, parameters = _pairs(row, "elements"), _pairs(row, "parameters")
    free = {name: _number(value, "parameters") for name, value in parameters.items()}
    symbol, number = _stated_space_group(kind)
    sites, roles = [], set()
    try:
        if find_setting(symbol).number != number:
            raise BadRecord(f"{symbol} is number {find_setting(symbol).number}, not {number}", remedy=_REMEDY)
        lengths_and_angles = {name: _optional(row, column) for name, column in _CELL.items()}
        lattice = cell(symbol, **{name: value for name, value in lengths_and_angles.items() if value is not None})
        for line in kind["sites"]:
            label, *expressions = line.split()
            roles.add(label)
            element = elements.get(label, label)
            if not Element.is_valid_symbol(element):
                raise BadRecord(f"no element is given for {label} of {row['type']}", remedy=_REMEDY)
            x, y, z = (coordinate(expression, free) for expression in expressions)
            sites.append(Site(element, x, y, z))
        structure = build_structure(symbol, lattice, sites, primitive=primitive)
    except (SiteError, SpaceGroupError) as error:
        raise BadRecord(str(error), remedy=_REMEDY) from error
    names = set(re.findall(r"[A-Za-z]\w*", " ".join(line.split(maxsplit=1)[1] for line in kind["sites"])))
    if unused := sorted((set(elements) - roles) | (set(free) - names)):
        raise BadRecord(f"{row['type']} has no {', '.join(unused)}", remedy=_REMEDY)
    return structure


def _shared_by(row: Mapping[str, str], shared: Mapping[str, Any]) -> dict[str, Any]:
    keys = {"structure": row["references"].split(), **shared["properties"]}
    citations = {field: [[key, shared["references"].get(key)] for key in listed] for field, listed in keys.items()}
    return {"type": shared["types"].get(row["type"]), "citations": citations}


def _citations(payload: Mapping[str, Any], field: str) -> list[str]:
    citations = payload["citations"][field]
    if unknown := [key for key, citation in citations if citation is None]:
        raise BadRecord(f"there is no reference {', '.join(unknown)}", remedy=_REMEDY)
    return [citation for _, citation in citations]


def _measured(row: Mapping[str, str]) -> dict[str, float]:
    """Measured properties in eV and eV/atom."""
    enthalpy = _optional(row, "formation_enthalpy_kJ_per_mol")
    atoms_per_formula = Composition(row["formula"]).num_atoms
    measured = {
        "formation_energy": None if enthalpy is None else enthalpy / KJ_PER_MOL_PER_EV / atoms_per_formula,
        "exfoliation_energy": _optional(row, "exfoliation_energy_eV_per_atom"),
        "band_gap": _optional(row, "band_gap_eV"),
    }
    return {field: value for field, value in measured.items() if value is not None}


def _stated_space_group(kind: Mapping[str, Any]) -> tuple[str, int]:
    stated = _SPACE_GROUP.fullmatch(kind["space_group"])
    if stated is None:
        raise BadRecord(f"space group {kind['space_group']!r} is not like 'R-3m:H (166)'", remedy=_REMEDY)
    return stated[1], int(stated[2])


def _pairs(row: Mapping[str, str], column: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in row[column].split()]
    if bad := [name for name, equals, value in pairs if not (name and equals and value)]:
        raise BadRecord(f"{column} has {bad[0]!r} without a value", remedy=_REMEDY)
    return {name: value for name, _, value in pairs}


def _optional(row: Mapping[str, str], column: str) -> float | None:
    return _number(row[column], column) if row[column] else None


def _number(text: str, column: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise BadRecord(f"{column} is not a number but {text!r}", remedy=_REMEDY) from error
