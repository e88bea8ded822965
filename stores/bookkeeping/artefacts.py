"""Large pieces of data beside the documents, in GridFS: weights and training sets by their hash, checkpoints by job.

An artefact is named by the SHA-256 of its bytes, so the same bytes are kept once and damage is noticed.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from gridfs import GridFSBucket, NoFile

from ..connection import Connection
from ..errors import ExfolioError

ARTEFACTS: Final = "artefacts"
CHECKPOINTS: Final = "checkpoints"
Doc = dict[str, Any]


class ArtefactMissing(ExfolioError):
    """What a document names is not in the database, or no longer as it was written."""


def put(connection: Connection, data: bytes, *, what: str) -> str:
    """Keep bytes under the hash of them, which is returned; bytes that are kept already are not written again.

    Parameters
    ----------
    connection
        The database.
    data
        The bytes.
    what
        What it is, in a few words, for whoever looks into the bucket.
    """
    name = hashlib.sha256(data).hexdigest()
    bucket = GridFSBucket(connection.database, ARTEFACTS)
    if connection.database[f"{ARTEFACTS}.files"].find_one({"filename": name}, {"_id": 1}) is None:
        bucket.upload_from_stream(name, data, metadata={"what": what})
    return name


def get(connection: Connection, name: str) -> bytes:
    """Bytes of that name.

    Raises
    ------
    ArtefactMissing
        There are none, or they have changed.
    """
    try:
        data = GridFSBucket(connection.database, ARTEFACTS).open_download_stream_by_name(name).read()
    except NoFile:
        raise ArtefactMissing(f"artefact {name[:12]} is not in the database", _REMEDY) from None
    if hashlib.sha256(data).hexdigest() != name:
        raise ArtefactMissing(f"artefact {name[:12]} is damaged: its {len(data):,} bytes have another hash", _REMEDY)
    return data


def put_checkpoint(connection: Connection, job: str, data: bytes) -> None:
    """Keep a checkpoint in place of the earlier ones of the job; the earlier one stays until this one is whole."""
    bucket = GridFSBucket(connection.database, CHECKPOINTS)
    new = bucket.upload_from_stream(job, data, metadata={"sha256": hashlib.sha256(data).hexdigest()})
    _forget(connection, bucket, {"filename": job, "_id": {"$ne": new}})


def checkpoint(connection: Connection, job: str) -> bytes | None:
    """Newest whole checkpoint of a job; None where there is none."""
    bucket = GridFSBucket(connection.database, CHECKPOINTS)
    for kept in bucket.find({"filename": job}).sort("uploadDate", -1):
        data: bytes = kept.read()
        if hashlib.sha256(data).hexdigest() == (kept.metadata or {}).get("sha256"):
            return data
    return None


def drop_checkpoints(connection: Connection, job: str) -> None:
    """Forget the checkpoints of a job that is done."""
    _forget(connection, GridFSBucket(connection.database, CHECKPOINTS), {"filename": job})


def _forget(connection: Connection, bucket: GridFSBucket, query: Doc) -> None:
    for kept in connection.database[f"{CHECKPOINTS}.files"].find(query, {"_id": 1}).to_list():
        bucket.delete(kept["_id"])


_REMEDY: Final = "Train the model again: exfolio train"
