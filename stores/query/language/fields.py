"""What can be asked of each collection: the fields of its document class, by their own and by OPTIMADE's names.

The document classes are the one description; here are only OPTIMADE's names for their fields, and what is inside the
few objects whose parts are worth a name.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

import mongoengine as me

from ...documents import BY_COLLECTION, RegistryDocument
from ...documents.operation import OPERATIONS
from .query_errors import QueryError, UnknownName

Kind = Literal["text", "integer", "number", "true or false", "date", "list", "object", "list of objects", "any"]

PREFIX: Final = "_exfolio_"
"""Prefix of this provider's own names, as OPTIMADE wants it."""

# https://github.com/Materials-Consortia/OPTIMADE/blob/v1.2.0/optimade.rst (entry list, structures entries)
STANDARD_NAMES: Final[Mapping[str, str]] = {
    "last_modified": "updated_at",
    "elements": "elements",
    "nelements": "nelements",
    "nsites": "nsites",
    "chemical_formula_reduced": "formula_reduced",
    "chemical_formula_anonymous": "formula_anonymous",
    "chemical_formula_descriptive": "formula",
    "space_group_it_number": "space_group.number",
    "space_group_symbol_hermann_mauguin": "space_group.symbol",
}
"""OPTIMADE's names of our fields; ``id`` is the key of the collection asked."""

_SPELLINGS: Final[Mapping[str, str]] = {
    "space_group_number": "space_group.number",
    "space_group_symbol": "space_group.symbol",
    "crystal_system": "space_group.crystal_system",
    "e_above_hull": "energy_above_hull",
    "ehull": "energy_above_hull",
}

_PARTS: Final[Mapping[str, tuple[tuple[str, Kind, str], ...]]] = {
    "space_group": (
        ("number", "integer", "Number of the space group, 1 to 230"),
        ("symbol", "text", "Hermann-Mauguin symbol of the space group"),
        ("crystal_system", "text", "Crystal system, e.g. hexagonal"),
    ),
    "preferred": (
        ("formation_energy", "number", "Preferred formation energy, eV/atom"),
        ("exfoliation_energy", "number", "Preferred exfoliation energy, eV/atom"),
        ("energy_above_hull", "number", "Preferred energy above the convex hull, eV/atom"),
        ("decomposition_energy", "number", "Preferred decomposition energy, eV/atom"),
        ("band_gap", "number", "Preferred band gap, eV"),
    ),
    "gates": (
        ("name", "text", "Name of a gate"),
        ("verdict", "text", "Verdict of a gate: passed, failed, unknown, not-applicable"),
    ),
    "origins": (
        ("collection", "text", "Collection, or file, something was made from"),
        ("id", "text", "Key of the document, or path of the file, something was made from"),
    ),
}

ALL_DOCUMENTS: Final[Mapping[str, Any]] = {
    **BY_COLLECTION,
    **{str(document._get_collection_name()): document for document in OPERATIONS},
}
"""The document class of every collection that can be asked, bookkeeping included."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field that can be asked for.

    Attributes
    ----------
    path
        Where it stands in the document, parts joined by dots.
    kind
        What its values are; "any" inside objects that are not described.
    description, unit
        As the document class gives them; the unit is empty for numbers without one.
    choices
        Every value it can have, where these are few.
    many
        Whether a document has several values of it, being inside a list.
    standard
        OPTIMADE's name for it, or empty.
    low, high
        Where the ends of its interval stand, of a field whose values may be intervals; else empty.
    members
        What a list of it holds.
    """

    path: str
    kind: Kind
    description: str = ""
    unit: str = ""
    choices: tuple[str, ...] = ()
    many: bool = False
    standard: str = ""
    required: bool = False
    low: str = ""
    high: str = ""
    members: Kind = "text"

    @property
    def label(self) -> str:
        """Name with unit, for the head of a column."""
        return f"{self.path} ({self.unit})" if self.unit else self.path

    @property
    def sortable(self) -> bool:
        """Whether documents can be put in order by it."""
        return not self.many and self.kind not in ("list", "object", "list of objects")


@dataclass(frozen=True)
class Fields:
    """The fields of one collection.

    Attributes
    ----------
    collection
        Name of the collection.
    key
        Field that identifies a document.
    by_path
        The fields in the order of the document class.
    """

    collection: str
    key: str
    by_path: Mapping[str, Field]

    def __iter__(self) -> Iterator[Field]:
        return iter(self.by_path.values())

    def find(self, name: str) -> Field | None:
        """Field of a name: its own, with or without prefix, OPTIMADE's, or a part of an object."""
        if name in ("id", f"{PREFIX}id"):
            return self.by_path[self.key]
        name = name.removeprefix(PREFIX)
        if name in self.by_path:
            return self.by_path[name]
        path = STANDARD_NAMES.get(name, _SPELLINGS.get(name, name))
        if path in self.by_path:
            return self.by_path[path]
        whole, _, part = path.partition(".")
        around = self.by_path.get(whole)
        if not part or around is None or around.kind not in ("object", "list of objects"):
            return None
        low, high = (f"{end}.{part}" if end else "" for end in (around.low, around.high))
        many = around.kind == "list of objects"
        return Field(path, "any", f"Part of {whole}: {around.description}", many=many, low=low, high=high)

    def get(self, name: str) -> Field:
        """Field of a name.

        Raises
        ------
        UnknownName
            There is none; names the nearest and how to list all.
        """
        if (field := self.find(name)) is None:
            raise UnknownName(f"{self.collection} have no field {name!r}", self.advice(name))
        return field

    def advice(self, name: str) -> str:
        """Say which names are near a wrong one, and where all are listed."""
        known = {*self.by_path, *STANDARD_NAMES, *_SPELLINGS}
        asked = name.removeprefix(PREFIX)
        near = [other for other in known if len(asked) > 2 and asked in other.split(".")[0]]
        near = [*difflib.get_close_matches(asked, known, n=3, cutoff=0.6), *sorted(near, key=len)]
        names = list(dict.fromkeys(field.path for other in near if (field := self.find(other))))[:4]
        meant = f"Did you mean {' or '.join(names)}? " if names else ""
        return f"{meant}All names: exfolio query {self.collection} --fields-help"


@cache
def fields_of(collection: str) -> Fields:
    """Fields of a collection.

    Raises
    ------
    QueryError
        There is no such collection; names the nearest.
    """
    document = ALL_DOCUMENTS.get(collection)
    if document is None:
        near = difflib.get_close_matches(collection, ALL_DOCUMENTS, n=1)
        meant = f"Did you mean {near[0]}? " if near else ""
        raise QueryError(f"there is no collection {collection!r}", f"{meant}There are: {', '.join(ALL_DOCUMENTS)}")
    standard = {path: name for name, path in STANDARD_NAMES.items()} | {document.KEY: "id"}
    by_path: dict[str, Field] = {}
    common = RegistryDocument._fields_ordered if has_deprecation(collection) else ()
    own = [name for name in document._fields_ordered if name not in (*common, "id", document.KEY)]
    for name in [document.KEY, *own, *common]:
        field = document._fields[name]
        low, high = getattr(document, "INTERVALS", {}).get(name, ("", ""))
        whole = Field(
            path=name,
            kind=_kind(field),
            description=str(field.help_text or ""),
            unit=str(getattr(field, "unit", "") or ""),
            choices=tuple(field.choices or ()),
            standard=standard.get(name, ""),
            required=bool(field.required),
            low=low,
            high=high,
        )
        by_path[name] = whole
        for part, kind, description in _PARTS.get(name, ()):
            path = f"{name}.{part}"
            many = whole.kind == "list of objects"
            by_path[path] = Field(path, kind, description, many=many, standard=standard.get(path, ""))
    return Fields(collection, document.KEY, by_path)


def has_deprecation(collection: str) -> bool:
    """Whether documents of a collection can be deprecated; those of the bookkeeping can't."""
    return collection in BY_COLLECTION


def value_at(document: Mapping[str, Any], path: str) -> Any:
    """Value at a path of a document, None where there is none; of objects in a list, a list of theirs."""
    here: Any = document
    for part in path.split("."):
        if type(here) is dict:  # as documents come from the server; asking for a Mapping takes three times as long
            here = here.get(part)
        elif isinstance(here, list):
            here = [element.get(part) for element in here if isinstance(element, Mapping)]
        else:
            here = here.get(part) if isinstance(here, Mapping) else None
    return here


def _kind(field: Any) -> Kind:
    kinds: tuple[tuple[type, Kind], ...] = (
        (me.BooleanField, "true or false"),
        (me.IntField, "integer"),
        (me.FloatField, "number"),
        (me.DateTimeField, "date"),
        (me.DictField, "object"),
        (me.StringField, "text"),
    )
    if isinstance(field, me.ListField):
        return "list of objects" if isinstance(field.field, me.DictField) else "list"
    for kind, name in kinds:
        if isinstance(field, kind):
            return name
    return "any"
