"""What a stage has made before, and of what: to find what nothing gives any more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.database import Database

from .writing import FacetWriter

Doc = dict[str, Any]


def made_from(
    writer: FacetWriter,
    database: Database[Doc],
    ids: Iterable[str],
    session: ClientSession,
    *,
    besides: Iterable[str] = (),
) -> dict[str, set[str]]:
    """Keys of current documents that a stage made from each of the given origins, `besides` some.

    Parameters
    ----------
    writer
        Of the stage and the facet.
    database
        The database.
    ids
        Ids of origins.
    session
        Session to read in.
    besides
        Keys of documents that are left out.
    """
    key = writer.document.KEY
    asked = set(ids)
    keys_by_origin: dict[str, set[str]] = {}
    criteria: Doc = {"origins.id": {"$in": list(asked)}, key: {"$nin": list(besides)}}
    mine: Doc = {f"facets.{writer.facet}.stage": writer.stage}
    criteria |= {"$or": [mine, {"made_by": writer.stage}]} if writer.shares else mine
    if writer.creates:
        criteria["deprecated"] = False
    collection = database[writer.document.collection_name()]
    for doc in collection.find(criteria, {"_id": 0, key: 1, "origins.id": 1}, session=session):
        for origin in doc["origins"]:
            if origin.get("id") in asked:
                keys_by_origin.setdefault(origin["id"], set()).add(doc[key])
    return keys_by_origin


def made_of_no(writer: FacetWriter, database: Database[Doc], kind: str, session: ClientSession) -> list[str]:
    """Keys of current documents whose content a stage made, with no origin of a kind among theirs.

    Parameters
    ----------
    writer
        Of the stage and the facet.
    database
        The database.
    kind
        Collection of the origins, or ``group``.
    session
        Session to read in.
    """
    key = writer.document.KEY
    mine: Doc = {
        f"facets.{writer.facet}.stage": writer.stage,
        "origins": {"$not": {"$elemMatch": {"collection": kind}}},
    }
    if writer.creates:
        mine["deprecated"] = False
    collection = database[writer.document.collection_name()]
    return [doc[key] for doc in collection.find(mine, {"_id": 0, key: 1}, session=session)]
