"""Makes a release: a folder of tables, structures, a manifest, a bibliography, and a description for OPTIMADE."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from pymongo.client_session import ClientSession
from ruamel.yaml import YAML

from ... import __version__
from ...stores.connection import Connection
from ...stores.disk_room import require_room
from ...stores.errors import ConfigurationError
from ...stores.query.language.intervals import names_of, row_of
from ...stores.query.search import require_initialised
from ..candidates.campaigns.gate_outline import outlines
from ..candidates.composition_view import models_of_compositions
from ..exports.parquet import write_parquet
from ..exports.structure_sets import write_archive
from ..sources.registered import registered_sources
from ..training.shipped.shipped_models import is_shipped
from .citations import bibtex, cited
from .contents import TABLES, columns_of, documents_of, one_moment

Doc = dict[str, Any]

MANIFEST: Final = "manifest.json"
STRUCTURES: Final = "structures.zip"
_TYPES: Final = {"integer": "integer", "number": "float", "true or false": "boolean"}
_CHUNK: Final = 1 << 20
_MOST_REFERENCES: Final = 1_000
"""Publications that a source names for its materials, which the manifest lists; all are in materials.parquet."""
_BUNDLED: Final = {
    "handbook": "BSD-3-Clause, with exfolio",
    "known-monolayers": "BSD-3-Clause, with exfolio",
    "aflow-prototypes": "MIT, with pymatgen",
}
"""Licences of the sources that are there without a file or a service: of the packages that hold them."""


@dataclass(frozen=True, slots=True)
class Release:
    """A release that was made.

    Attributes
    ----------
    number
        From 1.
    folder
        Where its files are.
    digest
        SHA-256 of its manifest, which has those of all files: who has this knows the whole release.
    rows
        Documents by table.
    """

    number: int
    folder: Path
    digest: str
    rows: Mapping[str, int]


def create_release(connection: Connection, out: Path, *, title: str = "", day: date | None = None) -> Release:
    """Freeze the current registry into a new folder, and note it in the database.

    The same content gives the same files byte by byte, whenever and by whichever runs it was made, as long as the
    programs are of the same versions.

    Parameters
    ----------
    connection
        The database, of a user who may write.
    out
        Folder in which the folder ``release-N`` is made.
    title
        What the release is called.
    day
        Its date; today without.

    Raises
    ------
    ConfigurationError
        There is such a folder already, or nothing to release.
    CannotRunError
        There is too little space.
    """
    require_initialised(connection)
    number = _next_number(connection)
    folder = out / f"release-{number}"
    if folder.exists():
        raise ConfigurationError(f"{folder} is there already", "Choose another --out, or move that folder away.")
    require_room("a release", _least_bytes(connection), out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        working = Path(tempfile.mkdtemp(prefix=".release-", dir=out))
    except OSError as error:
        raise ConfigurationError(f"nothing can be written into {out}: {error.strerror}") from error
    try:
        with one_moment(connection) as session:
            manifest = _write(connection, session, working, number, title, day or datetime.now(UTC).date())
        text = json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        (working / MANIFEST).write_text(text, encoding="utf-8")
        working.chmod(0o755)
        working.rename(folder)
    except BaseException:
        shutil.rmtree(working, ignore_errors=True)
        raise
    rows = {name: int(told["rows"]) for name, told in manifest["files"].items() if "rows" in told}
    digest = sha256(text.encode()).hexdigest()
    connection.database["releases"].insert_one(
        {
            "number": number,
            "title": title,
            "digest": digest,
            "version": __version__,
            "created_at": datetime.now(UTC),
            "rows": {name.removesuffix(".parquet"): n for name, n in rows.items()},
        }
    )
    return Release(number, folder, digest, rows)


def _least_bytes(connection: Connection) -> int:
    """What the tables take; they are compressed as collections are."""
    collections = connection.database.list_collection_names()
    told = (connection.database.command("collStats", name) for name in TABLES if name in collections)
    return sum(int(min(one["storageSize"], one["size"])) for one in told)


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    digest = sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _next_number(connection: Connection) -> int:
    last = connection.database["releases"].find_one(sort=[("number", -1)])
    return int(last["number"]) + 1 if last else 1


def _write(connection: Connection, session: ClientSession, folder: Path, number: int, title: str, day: date) -> Doc:
    rows = {
        f"{table}.parquet": write_parquet(
            documents_of(connection, table, session), columns_of(table), folder / f"{table}.parquet"
        )
        for table in TABLES
    }
    if not rows["candidates.parquet"]:
        raise ConfigurationError("there are no candidates to release", "Refresh a campaign: exfolio refresh --help")
    problems: dict[str, str] = {}
    rows[STRUCTURES] = write_archive(_structures(connection, session), folder / STRUCTURES, problems)
    sources = _sources(connection)
    methods = sorted(connection.database["properties"].distinct("method", {"deprecated": False}))
    models = _models(connection)
    cites = cited([source["name"] for source in sources], [*methods, *models])
    (folder / "citations.bib").write_text(bibtex(cites), encoding="utf-8")
    with (folder / "optimade.yaml").open("w", encoding="utf-8") as stream:
        YAML(typ="safe").dump(_for_optimade_maker(title or "Candidate materials of an exfolio registry"), stream)
    files = {
        path.name: {"sha256": digest_of(path), "bytes": path.stat().st_size}
        | ({"rows": rows[path.name]} if path.name in rows else {})
        for path in sorted(folder.iterdir())
    }
    return {
        "release": number,
        "title": title,
        "date": day.isoformat(),
        "exfolio": __version__,
        "campaigns": [
            {"name": campaign.name, "gates": [f"{gate.name}: {gate.field} {gate.condition}" for gate in campaign.gates]}
            for campaign in outlines(connection)
        ],
        "sources": sources,
        "methods": methods,
        "models": models,
        "cite": cites,
        "left_out": problems,
        "files": files,
    }


def _structures(connection: Connection, session: ClientSession) -> Iterator[tuple[str, Doc, Doc]]:
    columns = columns_of("candidates")
    scalars = [field for field in columns if field.kind in ("text", "integer", "number", "true or false")]
    for doc in documents_of(connection, "candidates", session):
        if doc.get("structure"):
            told = zip(names_of(scalars), row_of(doc, scalars), strict=True)
            yield doc["candidate_id"], doc["structure"], {key: value for key, value in told if value is not None}


def _models(connection: Connection) -> list[str]:
    """Ids of the registry's own models, and of those that came along and that its compositions rest on."""
    used = (models_of_compositions(connection, campaign.name) for campaign in outlines(connection))
    shipped = {name for names in used for name in names if is_shipped(name)}
    return sorted({*connection.database["trained_models"].distinct("model_id", {"deprecated": False}), *shipped})


def _sources(connection: Connection) -> list[Doc]:
    told = _BUNDLED | {source.name: source.licence for source in registered_sources(connection) if source.licence}
    collection = connection.database["materials"]
    described = []
    for name in sorted(collection.distinct("source", {"deprecated": False})):
        mine = {"source": name, "deprecated": False}
        licences = sorted(filter(None, collection.distinct("extra.license", mine)))
        described.append(
            {
                "name": name,
                "records": collection.count_documents(mine),
                "versions": sorted(filter(None, collection.distinct("source_version", mine))),
                "licence": told.get(name) or ", ".join(map(str, licences)) or "as the source states it",
                "references": sorted(filter(None, collection.distinct("reference", mine)))[:_MOST_REFERENCES],
            }
        )
    return described


def _for_optimade_maker(title: str) -> Doc:
    # https://github.com/materialscloud-org/optimade-maker (optimade.yaml, version 0.1.0)
    described = [
        {
            "name": name,
            "title": name.replace("_", " "),
            "description": field.description or name,
            **({"unit": field.unit} if field.unit else {}),
            "type": _TYPES.get(field.kind, "string"),
        }
        for field in columns_of("candidates")
        if field.kind in ("text", "integer", "number", "true or false")
        for name in names_of([field])
    ]
    return {
        "config_version": "0.1.0",
        "database_description": title,
        "entries": [
            {
                "entry_type": "structures",
                "entry_paths": [{"file": STRUCTURES, "matches": ["*.cif"]}],
                "property_paths": [{"file": STRUCTURES, "matches": ["index.csv"]}],
                "property_definitions": described,
            }
        ],
    }
