"""Entries of the registry for optimade-python-tools: filters become searches of ours, with their indexes and limits."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, TypeVar

from optimade.exceptions import BadRequest, NotImplementedResponse
from optimade.models import StructureResource
from optimade.server.config import ServerConfig
from optimade.server.entry_collections import EntryCollection
from optimade.server.query_params import EntryListingQueryParams, SingleEntryQueryParams
from optimade.warnings import UnknownProviderProperty

from ...stores.connection import Connection
from ...stores.query.counting import Count
from ...stores.query.language.fields import PREFIX, STANDARD_NAMES, Field, Fields, fields_of
from ...stores.query.language.filter import compile_filter
from ...stores.query.language.query_errors import QueryError
from ...stores.query.search import Search
from .derived import (
    Case,
    derived_field,
    in_alphabetical_order,
    periodicity_cases,
    resolve,
    stoichiometry_cases,
    symbol_cases,
)
from .mapping import RegistryMapper

Doc = dict[str, Any]
_Answer = TypeVar("_Answer")

LARGEST_OFFSET: Final = 10_000_000
"""Entries that may be left out before a page; the next pages go on behind an id, at no cost."""
_FRESH_SECONDS: Final = 60
"""How long the stoichiometries that occur, and the number of entries, are taken for those of now."""
_OTHERS: Final = re.compile(r"_[a-z][a-z0-9]*_\w+")


@dataclass(frozen=True)
class _OptimadeFields(Fields):
    """Fields of a collection by OPTIMADE's names: ours want the prefix, those of other providers are never known."""

    not_queryable: frozenset[str] = field(default=frozenset())

    def find(self, name: str) -> Field | None:
        first = name.partition(".")[0]
        if first.startswith(PREFIX):
            return super().find(name)
        if _OTHERS.fullmatch(first):
            told = f"{first} is no property of this provider: its value is unknown"
            warnings.warn(told, UnknownProviderProperty, stacklevel=2)
            return Field("of_others", "any")
        if made := derived_field(name):
            return made
        if name in self.not_queryable:
            raise NotImplementedResponse(detail=f"filters on {name} are not supported")
        return super().find(name) if name == "id" or name in STANDARD_NAMES else None

    def advice(self, name: str) -> str:
        return super().advice(name).partition("All names")[0] + f"Properties of exfolio begin with {PREFIX}"


class RegistryEntries(EntryCollection):
    """A collection of the registry as OPTIMADE's ``structures``.

    Parameters
    ----------
    connection
        The database; a user who can only read is enough.
    collection
        materials, candidates or structures.
    config
        Of the OPTIMADE server.
    """

    def __init__(self, connection: Connection, collection: str, config: ServerConfig) -> None:
        mapper = RegistryMapper(config, collection)
        super().__init__(StructureResource, mapper, transformer=None, config=config)
        self.parser = None  # filters are compiled by our own grammar
        self.connection = connection
        self.collection_name = collection
        self.known = fields_of(collection)
        standard = frozenset(self.get_attribute_fields()) - STANDARD_NAMES.keys()
        self._fields = _OptimadeFields(collection, self.known.key, self.known.by_path, standard)
        self._kept: dict[str, tuple[float, Any]] = {}

    def __len__(self) -> int:
        return self._fresh("number", lambda: self._search(()).count_quickly(self.connection)).number

    def insert(self, data: Sequence[Any]) -> NoReturn:
        """Refuse: entries are written by the registry's stages alone."""
        raise NotImplementedError("this server only reads")

    def count(self, **_: Any) -> int | None:
        """Number of entries; of all of them, since nothing else asks for it."""
        return len(self)

    @property
    def all_fields(self) -> set[str]:
        """Every property of an entry."""
        names: set[str] = self.resource_mapper.TOP_LEVEL_NON_ATTRIBUTES_FIELDS | self.resource_mapper.ALL_ATTRIBUTES
        return names

    def handle_query_params(self, params: EntryListingQueryParams | SingleEntryQueryParams) -> Doc:
        """Search for what the parameters ask, with the fields of the response."""
        asked = params.filter or ""
        params.filter = ""  # the library would parse it by its own grammar
        criteria: Doc = super().handle_query_params(params)
        params.filter = asked
        if (criteria.get("skip") or 0) > LARGEST_OFFSET:
            raise BadRequest(detail=f"pages begin at {LARGEST_OFFSET:,} entries at most: follow links.next instead")
        sort = [f"{'-' if direction < 0 else ''}{name}" for name, direction in criteria.get("sort", ())]
        return {
            "fields": criteria["fields"],
            "search": {
                "conditions": self._conditions(asked),
                "sort": sort,
                "limit": criteria["limit"],
                "offset": criteria.get("skip", 0),
                "after": criteria.get("page_above"),
            },
        }

    def parse_sort_params(self, sort_params: str) -> list[tuple[str, int]]:
        """Order of a ``sort`` parameter, by paths of ours."""
        order = []
        for name in sort_params.split(","):
            plain = name.lstrip("+-").strip()
            found = self._field_to_sort(plain)
            order.append((found.path, -1 if name.strip().startswith("-") else 1))
        return order

    def get_next_query_params(self, params: EntryListingQueryParams, results: Any) -> dict[str, list[str]]:
        """Where the next page begins: behind the last entry, which costs what the first page does."""
        if params.page_number is not None:
            return {"page_number": [str(params.page_number + 1)]}
        return {"page_above": [results[-1]["id"]], "page_offset": ["0"]}

    def _field_to_sort(self, name: str) -> Field:
        try:
            found = self._fields.find(name)
        except NotImplementedResponse:
            found = None
        if found is None or found.path.startswith(("derived.", "of_others")) or not found.sortable:
            raise BadRequest(detail=f"entries can't be put in order by {name}")
        return found

    def _conditions(self, text: str) -> tuple[Doc, ...]:
        if not text.strip():
            return ()
        try:
            query = compile_filter(text, self._fields)
        except QueryError as error:
            raise BadRequest(detail=str(error)) from error
        return (in_alphabetical_order(resolve(query, self._cases_of)),)

    def _run_db_query(  # the library calls it so
        self,
        criteria: Doc,
        single_entry: bool = False,  # noqa: FBT001, FBT002
    ) -> tuple[list[Doc], int | None, bool]:
        asked = criteria["search"]
        limit = asked["limit"]
        try:
            search = self._search(**(asked | {"limit": limit + 1}))
            documents = list(search.documents(self.connection))
            more = len(documents) > limit
            if single_entry:
                return documents[:1], len(documents[:1]), False
            if not more and not asked["after"]:
                number: int | None = asked["offset"] + len(documents)
            else:
                counted: Count = search.count_quickly(self.connection)
                number = counted.number if counted.exact else None
        except QueryError as error:
            raise BadRequest(detail=str(error)) from error
        return documents[:limit], number, more

    def _search(self, conditions: Sequence[Doc], **options: Any) -> Search:
        return Search(self.collection_name, conditions=({"nsites": {"$ne": None}}, *conditions), **options)

    def _cases_of(self, name: str) -> Sequence[Case]:
        if name == "type":
            return [({}, "structures")]
        if name == "immutable_id":
            return [({}, None)]
        if name == "structure_features":
            if "disordered" not in self.known.by_path:
                return [({}, [])]
            return [({"disordered": True}, ["disorder"]), ({"disordered": {"$ne": True}}, [])]
        if name in ("dimension_types", "nperiodic_dimensions"):
            return periodicity_cases(name)
        if name == "space_group_symbol_hermann_mauguin":
            return symbol_cases(self._occurring("space_group.symbol"))
        return stoichiometry_cases(name, self._occurring("formula_anonymous"))

    def _occurring(self, path: str) -> list[str]:
        collection = self.connection.database[self.collection_name]
        return self._fresh(path, lambda: [value for value in collection.distinct(path) if value])

    def _fresh(self, name: str, ask: Callable[[], _Answer]) -> _Answer:
        now = time.monotonic()
        asked_at, kept = self._kept.get(name, (-float("inf"), None))
        answer: _Answer = kept if now - asked_at <= _FRESH_SECONDS else ask()
        if answer is not kept:
            self._kept[name] = (now, answer)
        return answer
