"""The Materials Project as a live source: materials (summary documents) and the entries of hulls (thermo documents).

Asks the endpoints that mp-api asks, by a client of its own. mp-api 0.46.5 keeps the answer of ``/heartbeat`` for the
life of the process, so a scheduler would never see a new release; it gives all pages at once, so nothing could be
resumed; a question without criteria becomes a download of the whole collection; and it does not repeat a question
after status 500 or an answer that broke off.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from pymatgen.core.periodic_table import Element

from ....models.composition.formula.chemical_systems import sub_systems
from ....stores.settings import Settings
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.source_options import SourceOptionError, checked_name
from .http_client import QuestionRefused, WebClient
from .materials_project_client import open_client
from .materials_project_record import (
    SUMMARY_FIELDS,
    THERMO_FIELDS,
    entries_of_thermo,
    material_of_summary,
    normal_id,
)
from .service import Page, Pull

logger = logging.getLogger(__name__)

THERMO_TYPES: Final = ("GGA_GGA+U", "R2SCAN", "GGA_GGA+U_R2SCAN")
"""emmet-core's ThermoType; entries of different schemes must not meet on one hull."""

_LISTED = 1000  # records of a listing in an answer, the most the API gives
_FETCHED = 250  # whole records in an answer: as many ids still make an address of a usual length
_LISTINGS = 3
_MOST_CHEMSYS_ELEMENTS = 9  # 2^9 - 1 systems still fit into an address
_WRONG_QUESTION = (400, 422)
_DATE = "$date"


@dataclass(frozen=True, kw_only=True)
class MaterialsProject:
    """Materials and entries of some chemical systems, with all systems inside them, or of the whole database.

    Attributes
    ----------
    chemsys
        Chemical systems, e.g. ``["Mn-O"]``; the elements and smaller systems that a hull needs come along.
    thermo_type
        Mixing scheme of the entries, one of `THERMO_TYPES`; ``none`` brings no entries.
    source
        Name of the source.

    Raises
    ------
    SourceOptionError
        An option can't be meant.
    """

    kind: ClassVar[str] = "materials-project"
    version: ClassVar[int] = 1

    chemsys: Sequence[str] = ()
    thermo_type: str = "GGA_GGA+U"
    source: str = "materials-project"

    def __post_init__(self) -> None:
        checked_name(self.source)
        given = [self.chemsys] if isinstance(self.chemsys, str) else self.chemsys
        object.__setattr__(self, "chemsys", tuple(sorted({_checked_system(system) for system in given})))
        if self.thermo_type not in (*THERMO_TYPES, "none"):
            raise SourceOptionError(f"the thermo type is {self.thermo_type!r}; give {', '.join(THERMO_TYPES)} or none")

    @property
    def scope(self) -> str:
        """The chemical systems."""
        return "+".join(self.chemsys)

    @property
    def address(self) -> str:
        """The API, whatever mirror of it is asked."""
        return "api.materialsproject.org"

    def describe(self) -> dict[str, Any]:
        """Describe what is pulled."""
        return {"chemsys": list(self.chemsys), "thermo_type": self.thermo_type, "source": self.source}

    def open(self, settings: Settings) -> MaterialsProjectPull:
        """Begin a pass with the key of the settings."""
        return MaterialsProjectPull(self, open_client(settings, settings.mp_endpoint))

    def systems(self) -> list[str]:
        """Chemical systems that are pulled: those asked for and all inside them."""
        systems = {part for system in self.chemsys for part in sub_systems(system)}
        return sorted(systems, key=lambda system: (system.count("-"), system))

    def parse(self, raw: RawRecord) -> Documents:
        """Make the material of a summary document, or the reference entries of a thermo document.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        part, _, source_id = raw.place.partition("/")
        if not isinstance(raw.payload, Mapping):
            raise BadRecord(f"it is not an object but {type(raw.payload).__name__}")
        if part == "summary":
            material = material_of_summary(raw.payload, source=self.source, source_id=source_id, release=raw.release)
            return {"materials": [material]}
        entries = entries_of_thermo(raw.payload, source=self.source, thermo_id=source_id, release=raw.release)
        return {"reference_entries": entries}


class MaterialsProjectPull(Pull):
    """One pass: list what there is with the time of its last change, fetch what changed by its id."""

    def __init__(self, source: MaterialsProject, client: WebClient) -> None:
        super().__init__(client)
        self.source = source
        self._asked = False
        self._lost = 0

    def nothing_new(self, memory: Mapping[str, Any]) -> bool:
        """Whether the release is the one that was pulled: within a release no document changes."""
        self._ask_release()
        return self.release is not None and memory.get("release") == self.release

    def pages(
        self,
        memory: Mapping[str, Any],  # noqa: ARG002  the stamps tell all
        cursor: Mapping[str, Any] | None,  # noqa: ARG002
        known: Mapping[str, str | None],
        met: Collection[str] = (),  # noqa: ARG002
    ) -> Iterator[Page]:
        """Pull changed records, by id, so that nothing slips through when the listing moves meanwhile."""
        if not self._asked:
            self._ask_release()
        parts: dict[str, dict[str, tuple[str, str]]] = {"summary": self._list("summary", {"deprecated": "false"})}
        withdrawn = self._withdrawn()
        if self.source.thermo_type != "none":
            parts["thermo"] = self._list("thermo", {"thermo_types": self.source.thermo_type})
        due = {part: _changed(listed, known) for part, listed in parts.items()}
        self.total = sum(map(len, due.values()))
        for part, listed in parts.items():
            same = sorted(listed.keys() - due[part].keys())
            for start in range(0, len(same), _LISTED):
                yield Page(seen=same[start : start + _LISTED])
        gone = {name: reason for name, reason in withdrawn.items() if name in known}
        if gone:
            yield Page(withdrawn=gone)
        for part, changed in due.items():
            names = sorted(changed)
            for start in range(0, len(names), _FETCHED):
                yield self._fetch(part, {name: changed[name] for name in names[start : start + _FETCHED]}, known)
        self._end()

    def _ask_release(self) -> None:
        answer = self.client.get("heartbeat")
        version = answer.get("db_version")
        self.release = version if isinstance(version, str) and version else None
        self._asked = True

    def _end(self) -> None:
        pulled = self.release
        self._ask_release()
        if self.release != pulled:
            self.note = (
                f"the database went from release {pulled} to {self.release} while it was pulled; "
                "nothing was retired, and the next run looks at everything again"
            )
            self.release = pulled
        elif self._lost:
            self.note = f"{self._lost:,} listed records were not given; the next run asks for them again"
            self.complete = True
        else:
            self.complete = True
            self.memory = {"release": pulled}

    # What is asked

    def _path(self, part: str) -> str:
        return f"materials/{part}/"

    def _criteria(self) -> dict[str, str | int]:
        return {"chemsys": ",".join(self.source.systems())} if self.source.chemsys else {}

    def _list(self, part: str, criteria: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """List every record of a part: by id, its stamp and its material's id as the server spells it."""
        for _ in range(_LISTINGS):
            listed, steady = self._list_once(part, criteria)
            if steady:
                return listed
            logger.info("the list of %s moved while it was read; reading it again", part)
        raise QuestionRefused(
            f"the list of {part} documents changed each of {_LISTINGS} times it was read",
            "The database is being updated; run the same command later.",
        )

    def _list_once(self, part: str, criteria: Mapping[str, str]) -> tuple[dict[str, tuple[str, str]], bool]:
        listed: dict[str, tuple[str, str]] = {}
        read = 0
        totals = set()
        for documents, total in self._listing(part, criteria, "material_id,last_updated"):
            totals.add(total)
            read += len(documents)
            for document in documents:
                spelled = document.get("material_id") if isinstance(document, Mapping) else None
                try:
                    name = normal_id(spelled)
                except ValueError as error:
                    raise QuestionRefused(f"the list of {part} documents holds {error}") from error
                listed[self._record_id(part, name)] = (_stamp(document), str(spelled))
        return listed, totals == {read} and len(listed) == read

    def _listing(self, part: str, criteria: Mapping[str, str], fields: str) -> Iterator[tuple[list[Any], int]]:
        skip = 0
        order: dict[str, str | int] = {"_sort_fields": "material_id"}
        while True:
            question = {**self._criteria(), **criteria, "_fields": fields, "_limit": _LISTED, "_skip": skip}
            try:
                documents, total = self._ask(part, question | order)
            except QuestionRefused as refused:
                if not order or refused.status not in _WRONG_QUESTION:
                    raise
                order = {}  # an endpoint that can't sort; the counts tell whether the list moved
                continue
            yield documents, total
            skip += len(documents)
            if not documents or skip >= total:
                return

    def _withdrawn(self) -> dict[str, str]:
        reasons = {}
        for documents, _ in self._listing("summary", {"deprecated": "true"}, "material_id,deprecation_reasons"):
            for document in documents:
                try:
                    name = normal_id(document.get("material_id") if isinstance(document, Mapping) else None)
                except ValueError:
                    continue  # it can't be one that was brought in
                why = document.get("deprecation_reasons")
                listed = ", ".join(map(str, why)) if isinstance(why, list) and why else "no reason given"
                reasons[f"summary/{name}"] = f"deprecated by the Materials Project: {listed}"
        return reasons

    def _record_id(self, part: str, name: str) -> str:
        return f"summary/{name}" if part == "summary" else f"thermo/{name}_{self.source.thermo_type}"

    def _fetch(self, part: str, listed: Mapping[str, tuple[str, str]], known: Mapping[str, str | None]) -> Page:
        question: dict[str, str | int] = {
            "material_ids": ",".join(spelled for _, spelled in listed.values()),
            "_fields": ",".join(SUMMARY_FIELDS if part == "summary" else THERMO_FIELDS),
            "_limit": len(listed),
        }
        if part == "thermo":
            question["thermo_types"] = self.source.thermo_type
        else:
            question["deprecated"] = "false"
        documents, _ = self._ask(part, question)
        records: dict[str, RawRecord] = {}
        unnamed = []
        for place, document in enumerate(documents):
            try:
                name = self._record_id(part, normal_id(document.get("material_id")))
            except (ValueError, AttributeError) as error:
                unnamed.append((f"{part}, {place} of those from {next(iter(listed))}", f"it has no id: {error}"))
                continue
            if name in listed:
                stamp = _stamp(document) or listed[name][0]
                records[name] = RawRecord(name, place, dict(document), stamp, self.release)
        lost = [name for name in listed if name not in records]
        self._lost += len(lost)
        return Page(records=list(records.values()), seen=[name for name in lost if name in known], unnamed=unnamed)

    def _ask(self, part: str, question: Mapping[str, str | int]) -> tuple[list[Any], int]:
        answer = self.client.get(self._path(part), question)
        documents, meta = answer.get("data"), answer.get("meta")
        total = meta.get("total_doc") if isinstance(meta, Mapping) else None
        if not isinstance(documents, list) or not isinstance(total, int):
            raise QuestionRefused(
                f"{self.client.base}/{self._path(part)} gave no data and total_doc but {sorted(answer)!s:.80}",
                "Is mp_endpoint the address of the Materials Project's API?",
            )
        return documents, total


def _changed(listed: Mapping[str, tuple[str, str]], known: Mapping[str, str | None]) -> dict[str, tuple[str, str]]:
    return {
        name: facts for name, facts in listed.items() if name not in known or not facts[0] or known[name] != facts[0]
    }


def _stamp(document: Mapping[str, Any]) -> str:
    stamp = document.get("last_updated")
    if isinstance(stamp, Mapping):  # MongoDB's extended JSON, which some releases of the API wrote
        stamp = stamp.get(_DATE)
    return stamp if isinstance(stamp, str) else ""


def _checked_system(given: object) -> str:
    elements = sorted(part.strip() for part in given.split("-")) if isinstance(given, str) else []
    wrong = [element for element in elements if not Element.is_valid_symbol(element)]
    if wrong or not elements or len(set(elements)) != len(elements):
        raise SourceOptionError(f"{given!r} is no chemical system; write element symbols with dashes, e.g. Mn-O")
    if len(elements) > _MOST_CHEMSYS_ELEMENTS:
        raise SourceOptionError(f"{given!r} has {len(elements)} elements; give {_MOST_CHEMSYS_ELEMENTS} at most")
    return "-".join(elements)
