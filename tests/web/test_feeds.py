"""Numbers for Prometheus, and the feed of promoted candidates."""

from collections.abc import Callable

import requests
from prometheus_client.parser import text_string_to_metric_families

Get = Callable[..., requests.Response]


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
