"""Documents of any collection that people ask for: searched, one by one, with their fields described, as files."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from pymatgen.core.structure import Structure

from ...builders.exports.file_text import as_cif, as_poscar
from ...builders.exports.names import file_names
from ...builders.training.shipped.shipped_models import find_document_or_card
from ...models.structure.serialization import from_plain
from ...stores.connection import Connection
from ...stores.query.columns import columns_of
from ...stores.query.counting import Count, draw
from ...stores.query.language.fields import fields_of
from ...stores.query.lookup import StoredDocument
from ...stores.query.patience import milliseconds
from ...stores.query.provenance import origins_of, values_of
from ...stores.query.search import Search
from ..json_values import plain, public
from .cells import in_cell
from .kept import Kept

Doc = dict[str, Any]

COLLECTIONS: Final = (
    *("materials", "compositions", "structures", "properties", "calculations", "candidates"),
    *("reference_entries", "trained_models", "runs"),
)
PAGE: Final = 50
LARGEST_PAGE: Final = 500
PATIENCE_MS: Final = 20
"""Time for counting what a search finds."""
FIELDS_STAY: Final = "max-age=300"
"""The fields of a collection are those of the program."""
_TYPES: Final = {"cif": "chemical/x-cif", "poscar": "text/plain"}

router = APIRouter()
Collection = Annotated[str, Path(description="Name of a collection", json_schema_extra={"enum": list(COLLECTIONS)})]


def connection_of(request: Request) -> Connection:
    """The registry that a request is about."""
    connection: Connection = request.app.state.connection
    return connection


def kept_of(request: Request) -> Kept:
    """Answers of a moment ago."""
    kept: Kept = request.app.state.kept
    return kept


@router.get("/collections", summary="Collections, with how many documents they hold")
def collections(request: Request) -> list[Doc]:
    """Every collection that can be asked, with its number of documents."""
    database = connection_of(request).database

    def numbers() -> list[Doc]:
        return [{"name": name, "documents": database[name].estimated_document_count()} for name in COLLECTIONS]

    return kept_of(request).of("collections", numbers)


@router.get("/collections/{collection}/fields", summary="Fields of a collection: kind, unit, meaning")
def fields(collection: Collection, response: Response) -> Doc:
    """What can be asked of a collection, and which columns a table of it has when none are named."""
    response.headers["Cache-Control"] = FIELDS_STAY
    return _described(known_collection(collection))


@cache
def _described(collection: str) -> Doc:
    known = fields_of(collection)
    described = [
        {name: value for name, value in asdict(field).items() if value not in ("", ())} | {"label": field.label}
        for field in known
        if field.path != "facets"
    ]
    return {"key": known.key, "columns": list(columns_of(collection)), "fields": described}


@router.get("/collections/{collection}", summary="Search a collection")
def search(
    request: Request,
    collection: Collection,
    filter: Annotated[  # noqa: A002 - OPTIMADE's word
        str, Query(description="In OPTIMADE's filter language, by the names of `fields`")
    ] = "",
    fields: Annotated[str, Query(description="Fields wanted, joined by commas; the columns of a table without")] = "",
    sort: Annotated[str, Query(description="Fields to order by, joined by commas, - in front for descending")] = "",
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="Documents on the page")] = PAGE,
    after: Annotated[str | None, Query(description="Id behind which to begin: `next` of the page before")] = None,
    *,
    possible: Annotated[bool, Query(description="Also what may meet the filter, where a value is an interval")] = False,
    count: Annotated[
        bool, Query(description="Count what matches: exactly to 10,000 where that is quick, else estimated")
    ] = True,
) -> Doc:
    """Documents that match, in order, a page at a time."""
    connection = connection_of(request)
    wanted = names_in(fields) or list(columns_of(known_collection(collection)))
    key = fields_of(collection).key
    asked = Search(
        collection,
        filter,
        fields=tuple(dict.fromkeys([key, *wanted])),
        sort=tuple(names_in(sort)),
        limit=limit + 1,
        after=after,
        possible=possible,
    )
    documents = list(asked.documents(connection))
    counted = _counted(request, asked) if count else None
    page = documents[:limit]
    return {
        "data": [public(document) for document in page],
        "next": page[-1][key] if len(documents) > limit else None,
        "number": counted.number if counted else None,
        "number_is_exact": counted.exact if counted else None,
        "number_is_least": counted.least if counted else None,
    }


def _counted(request: Request, asked: Search) -> Count:
    """How many match, whatever the page and its order."""
    name = ("count", asked.collection, asked.filter, asked.possible)
    connection = connection_of(request)
    kept = kept_of(request)

    def counted() -> Count:
        time_ms = milliseconds(connection, asked.collection, asked.limit)
        sample = kept.of(
            ("sample", asked.collection), lambda: draw(connection.database[asked.collection], time_ms=time_ms)
        )
        return asked.count_quickly(connection, patience_ms=PATIENCE_MS, sample=sample)

    return kept.of(name, counted)


@router.get("/documents/{identity:path}/values", summary="Values known of a structure or material, with methods")
def values(request: Request, identity: str) -> list[Doc]:
    """Properties of a document: value, interval, method, what was compared, what warns of it.

    A value that came with a structure, such as a relaxation, says so by ``has_structure``; its ``atoms`` are the
    property's.
    """
    found = values_of(connection_of(request), _stored(request, identity))
    return [
        public(_without_structure(document)) | ({"has_structure": True} if _crystal_in(document) else {})
        for document in found
    ]


@router.get("/documents/{identity:path}/origins", summary="Where a document comes from, step by step")
def origins(request: Request, identity: str) -> Doc:
    """Tree of what it was made from, back to the files."""
    tree: Doc = plain(asdict(origins_of(connection_of(request), _stored(request, identity))))
    _hide_folders(tree)
    return tree


@router.get("/documents/{identity:path}/atoms", summary="Its structure as symbols and positions, in a cell to look at")
def atoms(
    request: Request,
    identity: str,
    cell: Annotated[Literal["stored", "conventional", "primitive", "supercell"], Query()] = "stored",
) -> Doc:
    """Symbols, Cartesian positions and cell vectors (Å) of a document's structure."""
    try:
        return in_cell(_structure_of(request, identity), cell)
    except ValueError as error:  # such as a symmetry that can't be told
        raise HTTPException(400, f"{identity}: {error}") from error


@router.get("/documents/{identity:path}/structure", summary="Its structure as a file")
def structure(
    request: Request, identity: str, form: Annotated[Literal["cif", "poscar"], Query(alias="format")] = "cif"
) -> Response:
    """Crystal structure of a document, as CIF or POSCAR."""
    crystal = _structure_of(request, identity)
    try:
        text = as_cif(crystal) if form == "cif" else as_poscar(crystal, identity)
    except ValueError as error:
        raise HTTPException(400, f"{identity}: {error}") from error
    name = file_names([identity], ".cif" if form == "cif" else ".vasp")[identity]
    disposition = f'attachment; filename="{name}"'
    return Response(text, media_type=_TYPES[form], headers={"Content-Disposition": disposition})


@router.get("/documents/{identity:path}", summary="One document, by its id or the beginning of it")
def document(request: Request, identity: str) -> Doc:
    """The whole document, and the collection it lies in."""
    stored = _stored(request, identity)
    if stored.collection not in COLLECTIONS:
        raise HTTPException(404, f"there is no document {identity!r} to show")
    return {"collection": stored.collection, "id": stored.key, "document": public(stored.document)}


def _stored(request: Request, identity: str) -> StoredDocument:
    """Document of an id, or the card of a model that comes with the package."""
    return find_document_or_card(connection_of(request), identity)


def _structure_of(request: Request, identity: str) -> Structure:
    stored = _stored(request, identity)
    if not (crystal := _crystal_in(stored.document)):
        raise HTTPException(404, f"{stored.key} has no structure")
    return from_plain(crystal)


def _crystal_in(document: Doc) -> Doc | None:
    """Structure of a document, or the one that a value came with, such as a relaxed one."""
    crystal: Doc | None = document.get("structure") or (document.get("details") or {}).get("structure")
    return crystal


def _without_structure(document: Doc) -> Doc:
    kept = {name: value for name, value in document.items() if name != "structure"}
    if details := document.get("details"):
        kept["details"] = {name: value for name, value in details.items() if name != "structure"}
    return kept


def names_in(text: str) -> list[str]:
    """Names that commas separate."""
    return [name.strip() for name in text.split(",") if name.strip()]


def known_collection(collection: str) -> str:
    """Name of a collection that is served.

    Raises
    ------
    HTTPException
        404 where it is another.
    """
    if collection not in COLLECTIONS:
        raise HTTPException(404, f"there is no collection {collection!r}; there are: {', '.join(COLLECTIONS)}")
    return collection


def _hide_folders(origin: Doc) -> None:
    if origin.get("collection") == "file":
        origin["key"] = str(origin["key"]).rpartition("/")[2]
    for inner in origin.get("origins", ()):
        _hide_folders(inner)
