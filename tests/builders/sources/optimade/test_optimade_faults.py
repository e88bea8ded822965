"""Lists of structures that come in part, twice, or without what was asked for: in whole, or not done."""

import contextlib
import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.sources.live.lost_records import LostRecords
from exfolio.builders.sources.live.service_stage import LiveSourceStage
from exfolio.builders.sources.optimade.optimade import Optimade
from exfolio.builders.sources.optimade.optimade_pull import OptimadePull
from exfolio.builders.sources.services import http_client
from exfolio.builders.sources.services.http_client import QuestionRefused, SourceUnavailable
from exfolio.builders.sources.services.service import Page
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from exfolio.stores.settings import Settings
from lab_source import Crash, crash
from loopback import Fault
from odd_optimade_server import PAGE, Misbehaving

ALL = [f"m{n}" for n in range(20)]


@pytest.fixture
def odd() -> Iterator[Misbehaving]:
    with Misbehaving() as server:
        yield server


class Pulled:
    """One pass, without a registry."""

    def __init__(self, odd: Misbehaving, known: dict[str, str | None] | None = None, **options: Any) -> None:
        settings = Settings(web_first_wait_seconds=0.01, web_attempts=3)
        self.pull: OptimadePull = Optimade(url=odd.url, source="ref", **options).open(settings)
        self.pages: list[Page] = list(self.pull.pages({}, None, known or {}))
        records = [record for page in self.pages for record in page.records]
        self.ids = [record.place for record in records]
        self.payloads = {record.place: record.payload for record in records}
        self.stamps = {record.place: record.stamp for record in records}


def pull(registry: Connection, odd: Misbehaving, **options: Any) -> StageReport:
    own = replace(registry)
    object.__setattr__(own, "settings", registry.settings.model_copy(update={"web_attempts": 1}))
    return run_stage(LiveSourceStage("optimade", {"url": odd.url, "source": "ref", **options}), own, batch_size=3)


# Whole or not


def test_a_list_that_breaks_off_is_told_and_asked_for_again(odd: Misbehaving, registry: Connection) -> None:
    odd.link = lambda start, usual: None if start == PAGE else usual

    report = pull(registry, odd)

    assert (report.inserted, report.failed) == (10, 10), "what lacks counts as failed, and the exit status is 1"
    assert "10 of 20 structures came, then the list broke off" in report.note
    assert registry.database["source_pulls"].count_documents({}) == 0, "the mark has not moved"

    odd.link = lambda _start, usual: usual
    report = pull(registry, odd)

    assert (report.inserted, report.failed, report.note) == (10, 0, "")
    assert pull(registry, odd).due == 0


def test_a_structure_that_comes_twice_in_place_of_another_is_told(odd: Misbehaving, registry: Connection) -> None:
    odd.data[PAGE] = odd.data[0]

    report = pull(registry, odd)

    assert (report.inserted, report.failed) == (19, 1)
    assert "19 of 20 structures came, and 1 came twice" in report.note


def test_a_later_list_that_breaks_off_does_not_move_the_mark(odd: Misbehaving, registry: Connection) -> None:
    pull(registry, odd)
    before = registry.database["source_pulls"].find_one({}, {"memory": 1})
    odd.link = lambda _start, _usual: None

    report = pull(registry, odd, list_days=0)

    assert (report.failed, report.deprecated) == (15, 0)
    assert registry.database["source_pulls"].find_one({}, {"memory": 1}) == before


@pytest.mark.parametrize(
    ("meta", "count", "told", "note"),
    [
        ({"more_data_available": True}, None, "20 structures came, and the provider has more", ""),
        ({"more_data_available": True}, 20, "", "this is all, and that it has more"),
        ({"more_data_available": False}, 23, "20 of 23", ""),
        ({"more_data_available": False}, 18, "", "the list changed"),
        ({"more_data_available": False}, 20, "", ""),
        ({}, None, "", ""),
    ],
)
def test_counts_and_flags_that_contradict_the_list(
    odd: Misbehaving, meta: dict[str, Any], count: int | None, told: str, note: str
) -> None:
    odd.meta, odd.count = meta, count

    pull = Pulled(odd).pull

    assert (told in pull.broken_off, bool(pull.broken_off)) == (True, bool(told))
    assert (note in pull.note, bool(pull.note)) == (True, bool(note))
    assert pull.complete == (not told and not note)


@pytest.mark.parametrize("form", ["text", "object", "relative", "rooted", "empty page between"])
def test_links_in_every_form_lead_to_the_last_page(odd: Misbehaving, form: str) -> None:
    forms = {
        "text": lambda link: link,
        "object": lambda link: {"href": link, "meta": {}},
        "relative": lambda link: "?" + link.partition("?")[2],
        "rooted": lambda link: link.removeprefix(odd.url),
        "empty page between": lambda link: link,
    }
    odd.link = lambda _start, usual: usual and forms[form](usual)
    if form == "empty page between":
        odd.data[5:5] = [{}] * PAGE
        odd.sent = lambda start, _query, page: [] if start == PAGE else page

    pulled = Pulled(odd)

    assert (pulled.ids, pulled.pull.complete) == (ALL, True)


@pytest.mark.parametrize("end", [None, "", {"href": None}, {}])
def test_a_link_to_nowhere_ends_the_list(odd: Misbehaving, end: Any) -> None:
    odd.link = lambda _start, usual: usual or end

    assert Pulled(odd).pull.complete


def test_a_link_that_repeats_itself_comes_to_an_end(odd: Misbehaving) -> None:
    odd.link = lambda start, _usual: f"{odd.url}/v1/structures?page_offset={start}"
    with pytest.raises(SourceUnavailable, match=r"again and again|lead back"):
        Pulled(odd)


def test_errors_under_status_200_are_errors(odd: Misbehaving) -> None:
    body = json.dumps({"errors": [{"title": "Oops", "detail": "the filter is too long"}], "data": [], "meta": {}})
    odd.faults.append(Fault("/v1/structures", body=body.encode()))

    with pytest.raises(QuestionRefused, match="the filter is too long"):
        Pulled(odd)


def test_warnings_are_shown(odd: Misbehaving, registry: Connection) -> None:
    odd.data, odd.count = [], 0
    odd.meta = {"warnings": [{"type": "warning", "detail": "unknown property elemnts"}]}

    report = pull(registry, odd, filter='elemnts HAS "Mn"')

    assert (report.due, report.note) == (0, "ref warns: unknown property elemnts")


# Twice


def test_a_record_on_two_pages_counts_once_and_tells_that_another_was_skipped(odd: Misbehaving) -> None:
    odd.data.insert(5, odd.data[2])
    del odd.data[-1]

    pulled = Pulled(odd)

    assert sorted(pulled.ids) == sorted(ALL[:-1])
    assert "19 of 20" in pulled.pull.broken_off


def test_two_records_of_one_id_on_two_pages(odd: Misbehaving, registry: Connection) -> None:
    other = {**odd.data[2], "attributes": odd.data[9]["attributes"]}
    odd.data.append(other)
    odd.count = 21

    for _ in range(2):
        report = pull(registry, odd)
        assert report.quarantined == 1
        assert "m2 is an id of page 1 too" in registry.database["quarantine"].find_one({})["reason"]
    found = registry.database["materials"].find_one({"material_id": "ref:m2"})
    assert found["volume"] == pytest.approx(4.41**3 / 4)
    assert "history" not in found

    del odd.data[-1]
    odd.count = 20
    pull(registry, odd, list_days=0)
    assert registry.database["quarantine"].count_documents({}) == 0


# Without what was asked for


def test_links_that_lost_the_question_get_it_back(odd: Misbehaving) -> None:
    Pulled(odd, filter='elements HAS "Mn"')

    lists = [query for path, query in odd.asked if path == "/v1/structures"]
    assert len(lists) == 4
    assert all("lattice_vectors" in query["response_fields"] for query in lists)
    assert {query["filter"] for query in lists} == {'elements HAS "Mn"'}


def test_a_link_that_is_a_token_is_followed_as_it_is_where_nothing_may_be_added(odd: Misbehaving) -> None:
    refusal = Fault("/v1/structures", status=400, after=1)
    odd.faults.append(refusal)

    assert Pulled(odd).ids == ALL
    assert sum("response_fields" not in query for _, query in odd.asked if query) == 1


@pytest.mark.parametrize("lost", ["null", "absent"])
def test_what_came_without_structure_is_asked_for_again(odd: Misbehaving, lost: str) -> None:
    def bare(start: int, query: dict[str, str], page: list[Any]) -> list[Any]:
        if start == 0 or "id=" in query.get("filter", ""):
            return page
        gone = ("lattice_vectors", "cartesian_site_positions", "species", "species_at_sites")
        kept = [{k: v for k, v in one["attributes"].items() if k not in gone} for one in page]
        nulls = dict.fromkeys(gone) if lost == "null" else {}
        return [{**one, "attributes": {**few, **nulls}} for one, few in zip(page, kept, strict=True)]

    odd.sent = bare

    pulled = Pulled(odd)

    assert sorted(pulled.ids) == sorted(ALL)
    assert all(payload["lattice_vectors"] for payload in pulled.payloads.values())


def test_what_is_never_sent_is_not_remembered_as_seen(odd: Misbehaving, registry: Connection) -> None:
    whole = odd.data[3]["attributes"].pop("lattice_vectors")

    report = pull(registry, odd)

    assert (report.inserted, report.quarantined) == (19, 1)
    assert "came without lattice_vectors" in registry.database["quarantine"].find_one({})["reason"]

    odd.data[3]["attributes"]["lattice_vectors"] = whole  # with the same stamp
    report = pull(registry, odd)

    assert (report.inserted, registry.database["quarantine"].count_documents({})) == (1, 0)


# The way there


@pytest.mark.parametrize(
    "fault",
    [
        Fault("/v1/structures", status=429, headers={"Retry-After": "0"}),
        Fault("/v1/structures", status=503, headers={"Retry-After": "0"}, after=1),
        Fault("/v1/structures", cut=True, after=2),
        Fault("/v1/structures", body=b'{"data": [', after=3),
        Fault("/v1/structures", body=b"<html>busy</html>", after=2),
        Fault("/v1/structures", body=b"no gzip", headers={"Content-Encoding": "gzip"}, after=1),
    ],
    ids=["429", "503", "cut", "half a JSON", "a page for people", "bad gzip"],
)
def test_faults_that_pass_leave_nothing_out(odd: Misbehaving, fault: Fault) -> None:
    odd.faults.append(fault)

    assert Pulled(odd).ids == ALL


def test_an_answer_that_drips_comes_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "SILENCES", 2)

    def drip(server: socket.socket) -> None:
        with server.accept()[0] as connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while True:
                connection.sendall(b" ")
                time.sleep(0.01)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,), daemon=True)
        thread.start()
        client = http_client.WebClient(f"http://127.0.0.1:{server.getsockname()[1]}", timeout=0.05, attempts=1)
        with pytest.raises(SourceUnavailable, match=r"did not end in 0\.1 s"):
            client.get("structures")
        client.close()
        thread.join()


def test_packed_answers_are_read(odd: Misbehaving) -> None:
    body = json.dumps({"data": odd.data, "links": {"next": None}, "meta": {"data_returned": 20}}).encode()
    odd.faults.append(Fault("/v1/structures", body=gzip.compress(body), headers={"Content-Encoding": "gzip"}))

    assert Pulled(odd).ids == ALL


@pytest.mark.parametrize("stamps", [True, False])
def test_a_pull_cut_at_every_page_ends_with_all_records_once(
    odd: Misbehaving, registry: Connection, stamps: bool
) -> None:
    if not stamps:
        for one in odd.data:
            del one["attributes"]["last_modified"]
    reports = []
    for _ in range(3):
        odd.faults.append(Fault("/v1/structures", status=500, after=1))
        with pytest.raises(SourceUnavailable):
            pull(registry, odd)
        odd.faults.clear()
    reports.append(pull(registry, odd))

    assert registry.database["materials"].distinct("source_id") == sorted(ALL)
    assert registry.database["materials"].count_documents({"history": {"$exists": True}}) == 0
    assert (reports[0].note, reports[0].failed) == ("", 0)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("of", "point"), [(LiveSourceStage, "_retire"), (LostRecords, "_retire_some"), (LiveSourceStage, "_remember")]
)
def test_killed_at_the_end_of_a_pass_the_next_run_retires(
    odd: Misbehaving, registry: Connection, monkeypatch: pytest.MonkeyPatch, of: type, point: str, after: bool
) -> None:
    pull(registry, odd)
    del odd.data[19]
    odd.count = 19
    with monkeypatch.context() as patched:
        patched.setattr(of, point, crash(getattr(of, point), after=after))
        with pytest.raises(Crash):
            pull(registry, odd, list_days=0)

    pull(registry, odd, list_days=0)

    assert registry.database["materials"].distinct("source_id", {"deprecated": True}) == ["m19"]
    assert registry.database["source_records"].count_documents({}) == 19
    assert registry.database["stage_states"].find_one({})["had"] == {"records": 19}


def test_records_without_an_id_before_a_cut_hold_retirement_up_after_it(odd: Misbehaving, registry: Connection) -> None:
    pull(registry, odd)
    del odd.data[0]["id"]
    odd.faults.append(Fault("/v1/structures", status=500, after=2))
    for one in odd.data:
        one["attributes"].pop("last_modified")
    registry.database["source_pulls"].update_one({}, {"$set": {"memory": {}}})
    with pytest.raises(SourceUnavailable):
        pull(registry, odd)

    report = pull(registry, odd)

    assert (report.deprecated, "without an id" in report.note) == (0, True)


# Of the provider


def test_what_a_provider_says_of_itself_is_kept(odd: Misbehaving, registry: Connection, tmp_path: Path) -> None:
    odd.info = {"available_licenses_for_entries": ["CC-BY-4.0"], "license": {"href": "https://example.org/terms"}}
    odd.meta = {
        "provider": {"name": "Example", "prefix": "exmpl", "homepage": "https://example.org"},
        "implementation": {"name": "server", "version": "2026.1"},
        "api_version": "1.2.0",
    }

    pull(registry, odd)

    said = registry.database["source_pulls"].find_one({})["provider"]
    assert (said["name"], said["licence"], said["version"]) == ("Example", "CC-BY-4.0", "2026.1")
    assert said["last_modified"] == "2024-05-01T12:00:19.000000Z"
    [origin] = registry.database["materials"].find_one({})["origins"]
    assert (origin["provider"], origin["licence"]) == ("Example", "CC-BY-4.0")
