"""Makes, checks and restores backups of a database: BSON of every collection as one moment has it, and a manifest."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import bson
from bson.raw_bson import RawBSONDocument
from pydantic import SecretStr
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from ... import __version__
from ..connection import Connection, explain
from ..disk_room import require_room, require_room_in_database
from ..errors import ConfigurationError, ExfolioError
from ..registry_version import CURRENT
from ..schema import initialise
from .sealed import Seal, WrongSeal, sealing, unsealing

Doc = dict[str, Any]
Progress = Callable[[str, int], None]
"""Told of a collection and how many of its documents are done."""

MANIFEST: Final = "manifest.json"
UNFINISHED: Final = ".backup-"
"""Begins the name of a folder while a backup is written into it."""
_STATED: Final[dict[str, type | tuple[type, ...]]] = {
    "collections": dict,
    "made_at": str,
    "exfolio": str,
    "schema_version": int,
    "sealed": (dict, type(None)),
}
"""What a manifest says at least, and of which kinds."""
_ENDING: Final = ".bson.zst"
_BATCH: Final = 1_000
_BATCH_BYTES: Final = 8_000_000


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made or read.

    Attributes
    ----------
    folder
        Where its files are.
    made_at
        When (UTC).
    documents
        By collection.
    bytes_on_disk
        Size of its files.
    sealed
        Whether a passphrase is needed.
    """

    folder: Path
    made_at: datetime
    documents: dict[str, int]
    bytes_on_disk: int
    sealed: bool


def back_up(
    connection: Connection, into: Path, *, passphrase: SecretStr | None = None, progress: Progress | None = None
) -> Backup:
    """Write all collections, files of models included, as they are at one moment, into a new folder.

    Parameters
    ----------
    connection
        The database; a user who can only read is enough.
    into
        Folder in which the folder of the backup is made, named after the database and the time.
    passphrase
        The files are sealed with it; without, anybody who has them can read them.
    progress
        Told after each batch.

    Raises
    ------
    ConfigurationError
        The folder can't be written, or there is nothing to back up.
    ExfolioError
        The server can't give all of one moment: it changes too fast for its history, or is no replica set; or there
        is too little space.
    """
    names = sorted(name for name in connection.database.list_collection_names() if _kept(name))
    if not names:
        raise ConfigurationError(f"{connection.describe()} is empty", "There is nothing to back up.")
    made_at = datetime.now(UTC)
    told = connection.database.command("dbStats")
    require_room("a backup", min(told["storageSize"], told["dataSize"]), into)  # it is compressed as collections are
    folder = into / f"{connection.name}-{made_at:%Y%m%dT%H%M%SZ}"
    try:
        into.mkdir(parents=True, exist_ok=True)
        working = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=into))
    except OSError as error:
        raise ConfigurationError(f"nothing can be written into {into}: {error.strerror}") from error
    seal = Seal(passphrase) if passphrase else None
    try:
        with connection.client.start_session(snapshot=True) as session:
            told = {name: _write(connection.database[name], session, working, seal, progress) for name in names}
        manifest: Doc = {
            "database": connection.name,
            "made_at": made_at.isoformat(),
            "exfolio": __version__,
            "schema_version": CURRENT,
            "sealed": None,
            "collections": told,
        }
        if seal:
            manifest["sealed"] = {"salt": seal.salt.hex(), "proof": seal.close(b"", _told(manifest)).hex()}
        (working / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        working.rename(folder)
    except OSError as error:
        shutil.rmtree(working, ignore_errors=True)
        raise ConfigurationError(f"{into}: {error.strerror or error}", "Free some space, or choose another.") from error
    except PyMongoError as error:
        shutil.rmtree(working, ignore_errors=True)
        raise ExfolioError(
            f"{connection.describe()} can't be backed up whole: {explain(error, connection).message}",
            "Try again while less is written; of a MongoDB of your own mongodump --oplog does it too.",
        ) from error
    except BaseException:
        shutil.rmtree(working, ignore_errors=True)
        raise
    return describe(folder)


def describe(folder: Path) -> Backup:
    """What a backup holds, by its manifest.

    Raises
    ------
    ConfigurationError
        The folder is no backup.
    """
    manifest = _manifest(folder)
    return Backup(
        folder,
        datetime.fromisoformat(manifest["made_at"]),
        {name: told["documents"] for name, told in manifest["collections"].items()},
        sum(path.stat().st_size for path in folder.iterdir()),
        bool(manifest["sealed"]),
    )


def verify(folder: Path, *, passphrase: SecretStr | None = None, progress: Progress | None = None) -> list[str]:
    """What is wrong with the files of a backup; nothing where every document is there as it was.

    Raises
    ------
    ConfigurationError
        The folder is no backup, or its passphrase is another.
    """
    manifest = _manifest(folder)
    seal = _seal_of(folder, manifest, passphrase)
    return list(_wrong(folder, manifest, seal, progress))


def _wrong(folder: Path, manifest: Doc, seal: Seal | None, progress: Progress | None) -> Iterator[str]:
    for name, told in sorted(manifest["collections"].items()):
        path = folder / f"{name}{_ENDING}"
        if not path.is_file():
            yield f"{path.name} is missing"
            continue
        digest, number = sha256(), 0
        try:
            for document in _read(path, seal):
                digest.update(document.raw)
                number += 1
        except (ConfigurationError, bson.errors.InvalidBSON, OSError, ValueError, EOFError) as error:
            yield f"{path.name} is damaged: {error}"
            continue
        if (number, digest.hexdigest()) != (told["documents"], told["sha256"]):
            yield f"{path.name} has {number:,} documents that are not the {told['documents']:,} of then"
        if progress:
            progress(name, number)


def restore(
    connection: Connection, folder: Path, *, passphrase: SecretStr | None = None, progress: Progress | None = None
) -> Backup:
    """Bring a backup back into an empty database, and prove that what is there is what was.

    Raises
    ------
    ConfigurationError
        The database is not empty, the folder is no backup or of a newer program, its passphrase is another.
    ExfolioError
        What was restored is not what was backed up.
    """
    manifest = _manifest(folder)
    if manifest["schema_version"] > CURRENT:
        raise ConfigurationError(
            f"{folder} was made by exfolio {manifest['exfolio']}, which is newer than this one ({__version__})",
            "Update exfolio first.",
        )
    made = describe(folder)
    require_room_in_database(connection, "to restore this", made.bytes_on_disk)
    database = connection.database
    full = [
        name for name in database.list_collection_names() if _kept(name) and database[name].find_one({}, {"_id": 1})
    ]
    if full:
        raise ConfigurationError(
            f"{connection.describe()} is not empty: it has {', '.join(sorted(full)[:5])}",
            "Restore into another database: EXFOLIO_DATABASE=restored exfolio db restore …",
        )
    seal = _seal_of(folder, manifest, passphrase)
    if wrong := list(_wrong(folder, manifest, seal, None)):
        raise ConfigurationError(f"{folder} is not whole: {'; '.join(wrong)}", "Take another backup.")
    for name in sorted(manifest["collections"]):
        database.drop_collection(name)  # it is empty, and its validator may be of another version
        _insert(database[name], folder / f"{name}{_ENDING}", seal, progress)
    for name, told in sorted(manifest["collections"].items()):
        digest = sha256()
        for document in _documents(database[name], None):
            digest.update(document.raw)
        if digest.hexdigest() != told["sha256"]:
            raise ExfolioError(
                f"what was restored of {name} is not what was backed up", "Empty the database, try again."
            )
    initialise(connection)
    return made


def _kept(name: str) -> bool:
    return not name.startswith("system.")  # leases too: their tokens fence off runs of before


def _manifest(folder: Path) -> Doc:
    try:
        manifest: Doc = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if not all(isinstance(manifest[name], kinds) for name, kinds in _STATED.items()):
            raise ValueError("a value of another kind")
        datetime.fromisoformat(manifest["made_at"])
        for told in manifest["collections"].values():
            _ = int(told["documents"]), str(told["sha256"])
        if manifest["sealed"]:
            _ = bytes.fromhex(manifest["sealed"]["salt"]), bytes.fromhex(manifest["sealed"]["proof"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigurationError(
            f"{folder} is no backup: {MANIFEST} can't be read", "Give the folder that `exfolio db backup` made."
        ) from error
    return manifest


def _seal_of(folder: Path, manifest: Doc, passphrase: SecretStr | None) -> Seal | None:
    """Seal of a backup, by which also its manifest is proven; None of one that is not sealed."""
    stated = manifest["sealed"]
    if not stated:
        if passphrase:
            raise ConfigurationError(f"{folder} is not sealed", "Leave the passphrase out, where you trust its files.")
        return None
    if passphrase is None:
        raise ConfigurationError(f"{folder} is sealed", "Give the file of the passphrase: --passphrase-file FILE")
    seal = Seal(passphrase, bytes.fromhex(stated["salt"]))
    try:
        seal.open(bytes.fromhex(stated["proof"]), _told(manifest))
    except WrongSeal as error:
        raise ConfigurationError(
            f"{folder} can't be opened: the passphrase is another, or the manifest was changed",
            "Try the right passphrase; else take another backup.",
        ) from error
    return seal


def _told(manifest: Doc) -> bytes:
    """What the manifest tells, as its proof binds it."""
    return json.dumps({**manifest, "sealed": None}, sort_keys=True).encode()


def _write(
    collection: Collection[Doc],
    session: ClientSession,
    folder: Path,
    seal: Seal | None,
    progress: Progress | None,
) -> Doc:
    digest, number = sha256(), 0
    with sealing(folder / f"{collection.name}{_ENDING}", seal) as stream:
        for document in _documents(collection, session):
            stream.write(document.raw)
            digest.update(document.raw)
            number += 1
            if progress and number % _BATCH == 0:
                progress(collection.name, number)
    if progress:
        progress(collection.name, number)
    return {"documents": number, "sha256": digest.hexdigest()}


def _documents(collection: Collection[Doc], session: ClientSession | None) -> Iterator[RawBSONDocument]:
    raw = collection.with_options(codec_options=bson.CodecOptions(document_class=RawBSONDocument))
    yield from raw.find({}, session=session).sort("_id", 1).batch_size(_BATCH)


def _read(path: Path, seal: Seal | None) -> Iterator[RawBSONDocument]:
    with unsealing(path, seal) as stream:
        yield from bson.decode_file_iter(stream, bson.CodecOptions(document_class=RawBSONDocument))


def _insert(collection: Collection[Doc], path: Path, seal: Seal | None, progress: Progress | None) -> None:
    raw = collection.with_options(codec_options=bson.CodecOptions(document_class=RawBSONDocument))
    batch: list[RawBSONDocument] = []
    size = number = 0
    for document in _read(path, seal):
        batch.append(document)
        size += len(document.raw)
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            raw.insert_many(batch, ordered=False)
            number += len(batch)
            batch, size = [], 0
            if progress:
                progress(collection.name, number)
    if batch:
        raw.insert_many(batch, ordered=False)
