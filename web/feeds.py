"""What other programs watch: numbers for Prometheus, and a feed of promoted candidates, in JSON and as Atom."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote
from xml.etree import ElementTree

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from ..models.composition.formula.chemists_formula import chemists_formula
from ..stores.bookkeeping.health import health
from ..stores.bookkeeping.overview import candidates_by_campaign
from ..stores.connection import Connection
from ..stores.documents import BY_COLLECTION

Doc = dict[str, Any]

_LATEST: Final = 50
_TITLE: Final = "exfolio: promoted candidates"
_ATOM: Final = "http://www.w3.org/2005/Atom"
_EPOCH: Final = "1970-01-01T00:00:00Z"
"""When a feed without entries was updated: before anything was promoted."""
_STATUSES: Final = ("promoted", "waiting", "rejected")


def feeds(connection: Connection, address: str) -> APIRouter:
    """Routes ``/metrics``, ``/feed.json`` and ``/feed.atom``.

    Parameters
    ----------
    connection
        The database; a user who can only read is enough.
    address
        Base URL that links in the feed begin with.
    """
    routes = APIRouter()

    @routes.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(generate_latest(numbers(connection)), media_type=CONTENT_TYPE_LATEST)

    @routes.get("/feed.json", include_in_schema=False)
    def json_feed(request: Request) -> Doc:
        return as_json_feed(latest_promoted(connection), address, request.url.path)

    @routes.get("/feed.atom", include_in_schema=False)
    def atom_feed(request: Request) -> Response:
        feed = as_atom(latest_promoted(connection), address, request.url.path)
        return Response(feed, media_type="application/atom+xml")

    return routes


def numbers(connection: Connection) -> CollectorRegistry:
    """Numbers of documents and candidates, and whether scheduled jobs run well, as gauges."""
    registry = CollectorRegistry()
    documents = Gauge("exfolio_documents", "Documents, deprecated ones too", ["collection"], registry=registry)
    for name in BY_COLLECTION:
        documents.labels(name).set(connection.database[name].estimated_document_count())
    candidates = Gauge("exfolio_candidates", "Current candidates", ["campaign", "status"], registry=registry)
    for row in candidates_by_campaign(connection):
        for status in _STATUSES:
            candidates.labels(row["campaign"], status).set(row[status])
    well = Gauge(
        "exfolio_check_well", "1 where a check of `exfolio status --health` is well", ["check"], registry=registry
    )
    for check in health(connection):
        well.labels(check.name).set(float(check.well))
    ended = Gauge("exfolio_job_ended_timestamp_seconds", "When a scheduled job ended last", ["job"], registry=registry)
    failures = Gauge("exfolio_job_failures", "Failures of a scheduled job in a row", ["job"], registry=registry)
    for job in connection.database["scheduled_jobs"].find({}, {"_id": 0}):
        if job.get("ended_at"):
            ended.labels(job["job"]).set(job["ended_at"].timestamp())
        failures.labels(job["job"]).set(job.get("failures") or 0)
    return registry


def latest_promoted(connection: Connection) -> list[Doc]:
    """Promoted candidates, those whose verdict is the newest first."""
    shown = {"_id": 0, "candidate_id": 1, "campaign": 1, "formula_reduced": 1, "updated_at": 1, "novelty_class": 1}
    current = {"status": "promoted", "deprecated": False}
    return list(connection.database["candidates"].find(current, shown).sort("updated_at", -1).limit(_LATEST))


def as_json_feed(promoted: list[Doc], address: str, path: str) -> Doc:
    """JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/) of promoted candidates."""
    items = [_item(doc, address) for doc in promoted]
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": _TITLE,
        "home_page_url": address,
        "feed_url": f"{address}{path}",
        "items": items,
    }


def as_atom(promoted: list[Doc], address: str, path: str) -> bytes:
    """Atom feed (RFC 4287) of promoted candidates."""
    items = [_item(doc, address) for doc in promoted]
    feed = ElementTree.Element("feed", xmlns=_ATOM)
    _add(feed, "title", _TITLE)
    _add(feed, "id", f"{address}{path}")
    _add(feed, "link", rel="self", href=f"{address}{path}")
    _add(feed, "link", href=address)
    _add(feed, "updated", items[0]["date_published"] if items else _EPOCH)
    _add(_add(feed, "author"), "name", "exfolio")
    for item in items:
        entry = _add(feed, "entry")
        _add(entry, "title", item["title"])
        _add(entry, "id", item["id"])
        _add(entry, "link", href=item["url"])
        _add(entry, "updated", item["date_published"])
        _add(entry, "summary", item["content_text"])
    written: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def _add(parent: ElementTree.Element, name: str, text: str | None = None, **attributes: str) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, name, attributes)
    element.text = text
    return element


def _item(doc: Doc, address: str) -> Doc:
    """Entry of a candidate, as a feed in JSON has it; its id names the verdict, which may come again."""
    formula = chemists_formula(doc["formula_reduced"])
    new = f", {doc['novelty_class']}" if doc.get("novelty_class") else ""
    url = f"{address}/d/{quote(doc['candidate_id'])}"
    moment = f"{doc['updated_at']:%Y-%m-%dT%H:%M:%SZ}"
    return {
        "id": f"{url}#{moment}",
        "url": url,
        "title": formula,
        "content_text": f"{formula} was promoted by {doc['campaign']}{new}.",
        "date_published": moment,
    }
