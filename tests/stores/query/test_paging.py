"""Pages by the key of the document before: put together they are the whole, whatever the order, each document once."""

import pytest
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Candidate
from exfolio.stores.query.language.query_errors import NoSuchDocument
from exfolio.stores.query.search import Search
from small_registry import put

ORDERS = [
    [],
    ["band_gap"],
    ["-band_gap"],
    ["nsites", "-band_gap"],
    ["space_group.number", "-id"],
    ["band_gap", "energy_above_hull"],
    ["-energy_above_hull", "band_gap"],
]
"""Missing values first, second and in both; the key the other way round."""

ENDS = [
    ("exact-1", 0.1, None, None),
    ("exact-2", 0.1, None, None),
    ("exact-3", 0.2, None, None),
    ("up-to-1", 0.05, 0.05, 0.1),
    ("up-to-2", 0.1, 0.0, 0.2),
    ("up-to-3", 0.1, 0.1, 0.2),
    ("at-least-1", 0.1, 0.1, None),
    ("at-least-2", 0.3, 0.3, None),
    ("at-most", 0.3, None, 0.3),
    ("unknown-1", None, None, None),
    ("unknown-2", None, None, None),
]
"""Hull distances as a point, between two ends, open above, open below, not known; several the same."""


def paged(connection: Connection, collection: str, sort: list[str], size: int) -> list[str]:
    found: list[str] = []
    while True:
        after = found[-1] if found else None
        asked = Search(collection, fields=["id"], sort=sort, limit=size, after=after)
        page = [doc[asked.known.key] for doc in asked.documents(connection)]
        found += page
        if len(page) < size:
            return found


@pytest.mark.parametrize("sort", ORDERS, ids=",".join)
def test_pages_by_key_are_the_whole(registry: Connection, sort: list[str]) -> None:
    whole = [doc["material_id"] for doc in Search("materials", sort=sort).documents(registry)]

    assert all(paged(registry, "materials", sort, size) == whole for size in (1, 2, 4))


@pytest.fixture(scope="module")
def intervals(registry: Connection) -> Connection:
    docs = []
    for name, value, low, high in ENDS:
        ends = {where: {"energy_above_hull": end} for where, end in (("lows", low), ("highs", high)) if end is not None}
        given = {} if value is None else {"energy_above_hull": value}
        docs.append({"candidate_id": f"c/{name}", "campaign": "c", "status": "waiting", **given, **ends})
    put(registry, Candidate, docs)
    return registry


@pytest.mark.parametrize("sort", ["energy_above_hull", "-energy_above_hull"])
def test_scans_of_intervals_are_merged_to_the_order_that_the_server_finds_by_sorting_all(
    intervals: Connection, sort: str
) -> None:
    # Given what a sort of everything gives; its second key is not in the way of the steps' own
    asked = Search("candidates", sort=[sort])
    sorted_by_server = [doc["candidate_id"] for doc in asked._by_pipeline(intervals)]

    assert [doc["candidate_id"] for doc in asked.documents(intervals)] == sorted_by_server
    for size in (1, 2, 3, 5):
        assert paged(intervals, "candidates", [sort], size) == sorted_by_server
        offsets = [Search("candidates", sort=[sort], offset=at, limit=size) for at in range(0, 16, size)]
        assert [doc["candidate_id"] for page in offsets for doc in page.documents(intervals)] == sorted_by_server


def test_a_page_behind_nothing_is_refused(registry: Connection) -> None:
    with pytest.raises(NoSuchDocument, match="no material_id 'bulk:xyz'"):
        list(Search("materials", sort=["nsites"], after="bulk:xyz").documents(registry))

    in_order_of_keys = Search("materials", fields=["id"], after="bulk:mnz", limit=1).documents(registry)
    assert [doc["material_id"] for doc in in_order_of_keys] == ["bulk:mos2"], "a place is one without a document, too"


def test_a_composition_before_is_named_as_tables_show_it_too(registry: Connection) -> None:
    def behind(formula: str) -> list[str]:
        asked = Search("compositions", fields=["id"], sort=["-times_drawn"], after=formula)
        return [doc["formula_reduced"] for doc in asked.documents(registry)]

    assert behind("Se2Mo") == behind("MoSe2")
    with pytest.raises(NoSuchDocument):
        behind("MoSe3")
