"""Numbers for Prometheus, and the feed of promoted candidates."""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from xml.etree import ElementTree

import requests
from prometheus_client.parser import text_string_to_metric_families

Get = Callable[..., requests.Response]
ATOM: Final = {"": "http://www.w3.org/2005/Atom"}


def test_numbers_are_read_by_prometheus(get: Get) -> None:
    families = {family.name: family for family in text_string_to_metric_families(get("/metrics").text)}

    promoted = {
        sample.labels["campaign"]: sample.value
        for sample in families["exfolio_candidates"].samples
        if sample.labels["status"] == "promoted"
    }
    documents = {sample.labels["collection"]: sample.value for sample in families["exfolio_documents"].samples}
    assert promoted["two-dimensional"] == 1
    assert documents["materials"] == 8  # one of them deprecated


def test_the_feed_links_to_pages_of_promoted_candidates(get: Get, address: str) -> None:
    feed = get("/feed.json").json()

    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    [item] = feed["items"]
    assert item["url"] == f"{address}/d/two-dimensional/st-1890e1f5735df206"
    assert item["title"] == "MoS2"
    assert requests.get(item["url"], timeout=10).status_code == 200


def test_the_feed_says_the_same_as_atom(get: Get, address: str) -> None:
    answer = get("/feed.atom")
    feed = ElementTree.fromstring(answer.content)
    [item] = get("/feed.json").json()["items"]

    assert answer.headers["content-type"] == "application/atom+xml"
    for required in ("title", "id", "updated", "author/name"):  # of RFC 4287, section 4.1.1
        assert feed.findtext(required, namespaces=ATOM)
    [entry] = feed.findall("entry", ATOM)
    told = {name: entry.findtext(name, namespaces=ATOM) for name in ("id", "title", "updated", "summary")}
    assert told == {
        "id": item["id"],
        "title": "MoS2",
        "updated": item["date_published"],
        "summary": item["content_text"],
    }
    assert datetime.fromisoformat(item["date_published"]).tzinfo is not None
    [link] = entry.findall("link", ATOM)
    assert link.get("href") == f"{address}/d/two-dimensional/st-1890e1f5735df206"
