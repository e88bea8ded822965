"""Questions to a registry as large as a real one, beside plain pymongo with ideal indexes and OPTIMADE's own server.

It makes the registry itself, in a database of its own on the embedded server or that of EXFOLIO_MONGO_URI, and drops it
in the end. For each question: median and 95th percentile by the clock, the least of several rounds, since what else
runs on the machine makes times longer and never shorter; processor time of client and server; documents looked at for
each that is given; by pymongo the median, and the ratio of processor times; the median by OPTIMADE's server; the index.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import re
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import large_registry
import psutil
from exfolio.stores.connection import Connection, connect
from exfolio.stores.query.language.fields import fields_of, value_at
from exfolio.stores.query.paging import ends_of
from exfolio.stores.query.search import Search
from exfolio.stores.questions import QUESTIONS, Question
from exfolio.stores.schema import initialise
from exfolio.stores.settings import load_settings
from optimade.models import StructureResource
from optimade.server.config import ServerConfig
from optimade.server.entry_collections.mongo import MongoCollection
from optimade.server.mappers import StructureMapper
from pymongo.collection import Collection

REPEATS: Final = 20
ROUNDS: Final = 4
LIMIT: Final = 50
SLOW: Final = 20.0
"""Milliseconds beyond which a peer is asked once only."""
IDEAL: Final = "ideal_"
Doc = dict[str, Any]


def main() -> None:
    """Print how long the registry took to make, and a line for each question."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", type=int, default=1_300_000, help="compositions of the registry")
    options.add_argument("--cache-gb", type=float, default=1.0, help="cache of the embedded server, GB")
    asked = options.parse_args()
    own = load_settings(database=f"bench_queries_{uuid.uuid4().hex[:8]}", cache_gb=asked.cache_gb)
    with connect(own, autostart=True) as connection:
        try:
            _make(connection, asked.size)
            _ask(connection)
        finally:
            connection.client.drop_database(connection.name)


def _make(connection: Connection, size: int) -> None:
    began = time.perf_counter()
    numbers = large_registry.fill(connection, size)
    inserted = time.perf_counter() - began
    initialise(connection)
    total = time.perf_counter() - began
    print(f"registry of {', '.join(f'{number:,} {name}' for name, number in numbers.items())}")
    print(f"made in {total:.0f} s: documents {inserted:.0f} s, indexes {total - inserted:.0f} s", flush=True)
    for name in numbers:
        stats = connection.database.command("collStats", name)
        indexes = ", ".join(f"{index} {taken / 1e6:.1f}" for index, taken in sorted(stats["indexSizes"].items()))
        print(f"  {name}: {stats['storageSize'] / 1e6:.0f} MB of documents; indexes (MB): {indexes}")


def _ask(connection: Connection) -> None:
    server = _Server(connection)
    head = f"{'question':64} {'p50 ms':>7} {'p95 ms':>7} {'cpu ms':>7} {'looked at':>9}  {'pymongo':>7} {'ratio':>5}"
    print(f"{head} {'optimade':>8}  index", flush=True)
    optimade = _optimade(connection)
    for collection, questions in QUESTIONS.items():
        if collection not in large_registry.SHARES:
            continue
        key = Question("by key", None)
        page = Question("a page in the middle", None)
        for question in (key, page, *questions):
            after = _in_the_middle(connection, collection) if question is page else None
            _line(connection, collection, question, after, optimade, server)


def _line(
    connection: Connection,
    collection: str,
    question: Question,
    after: str | None,
    optimade: Callable[..., float | None],
    server: _Server,
) -> None:
    asked = Search(collection, question.filter, sort=question.sort, limit=LIMIT, after=after)
    looked_at, given, index = _profiled(connection, asked)
    plainly = _plainly(connection, asked)
    keys = [[document[asked.known.key] for document in found] for found in (asked.documents(connection), plainly())]
    if keys[0] != keys[1]:
        raise AssertionError(f"{collection}: {question.asked}: pymongo gives {keys[1]}, not {keys[0]}")
    ours, plain = _in_turn(lambda: _once(connection, collection, question, after), plainly, server=server)
    _drop_ideal(connection, collection)
    theirs = optimade(collection, question) if after is None else None
    ratio = ours.processor / plain.processor
    peers = f"{plain.middle:7.1f} {ratio:5.2f} {'' if theirs is None else f'{theirs:8.1f}':>8}"
    times = f"{ours.middle:7.1f} {ours.high:7.1f} {ours.processor:7.2f}"
    named = f"{collection}: {question.asked}"
    print(f"{named:64} {times} {looked_at / max(given, 1):9.1f}  {peers}  {index}", flush=True)


def _once(connection: Connection, collection: str, question: Question, after: str | None) -> int:
    asked = Search(collection, question.filter, sort=question.sort, limit=LIMIT, after=after)
    return len(list(asked.documents(connection)))


class _Server:
    """Processor time of the server, to the microsecond, where it runs on this machine; else of nothing."""

    def __init__(self, connection: Connection) -> None:
        _, port = connection.client.address or ("", 0)
        listening = [
            process.pid
            for process in psutil.process_iter(["name"])
            if process.info["name"] == "mongod"
            and any(at.status == psutil.CONN_LISTEN and at.laddr.port == port for at in process.net_connections())
        ]
        self._threads = Path(f"/proc/{listening[0] if listening else 0}/task")

    def seconds(self) -> float:
        total = 0
        for thread in self._threads.glob("*/schedstat"):
            with contextlib.suppress(OSError):  # it has ended
                total += int(thread.read_text().split()[0])
        return total / 1e9


@dataclass(frozen=True)
class _Taken:
    """Milliseconds by the clock, median and 95th percentile of the best round, and of processors, mean of all."""

    middle: float
    high: float
    processor: float


def _in_turn(*works: Callable[[], object], server: _Server | None = None) -> list[_Taken]:
    """Times of each; in turn, so that a slow moment of the machine hits all."""
    rounds: list[list[list[float]]] = [[] for _ in works]
    processor = [0.0 for _ in works]

    def spent() -> float:
        return time.process_time() + (server.seconds() if server is not None else 0.0)

    for _ in range(ROUNDS):
        for number, work in enumerate(works):
            before, times = spent(), []
            for _ in range(REPEATS):
                began = time.perf_counter()
                work()
                times.append(1000 * (time.perf_counter() - began))
            processor[number] += spent() - before
            rounds[number].append(sorted(times))
    return [
        _Taken(
            min(statistics.median(times) for times in taken),
            min(times[math.ceil(0.95 * len(times)) - 1] for times in taken),
            1000 * seconds / (ROUNDS * REPEATS),
        )
        for taken, seconds in zip(rounds, processor, strict=True)
    ]


def _in_the_middle(connection: Connection, collection: str) -> str:
    asked = Search(collection, fields=["id"])
    middle = connection.database[collection].estimated_document_count() // 2
    [document] = connection.database[collection].find().sort(asked.known.key, 1).skip(middle).limit(1)
    return str(document[asked.known.key])


def _profiled(connection: Connection, asked: Search) -> tuple[int, int, str]:
    """Documents looked at and given, and the indexes, as the server says after it has done it."""
    database = connection.database
    list(asked.documents(connection))
    database.command("profile", 2)
    given = len(list(asked.documents(connection)))
    database.command("profile", 0)
    done = list(database["system.profile"].find({"command.find": asked.collection}))
    database["system.profile"].drop()
    plans = dict.fromkeys(f"{ran['planSummary']}{' +SORT' if ran.get('hasSortStage') else ''}" for ran in done)
    return sum(ran["docsExamined"] for ran in done), given, "; ".join(plans)


def _plainly(connection: Connection, asked: Search) -> Callable[[], list[Doc]]:
    """Ask for the same documents by pymongo alone, with an index of the fields compared, then of the order.

    What an expert would write who knows the collection: one `find`, no time limit; of values that are intervals two, of
    which the first documents are taken by hand; and another where so few have a value that the page is not full.
    """
    collection = connection.database[asked.collection]
    conditions: Doc = {}
    for name, how in _compared(asked.query):
        conditions[name] = {**conditions[name], **how} if name in conditions else how
    sort = [(by.path, direction) for by, direction in asked.order]
    first, direction = asked.order[0]
    if asked.after is not None:
        conditions[asked.known.key] = {"$gt": asked.after}
    elif not first.required and first.path not in (asked.known.key, *conditions):
        conditions[first.path] = {"$ne": None}
    equal = [
        (name, 1) for name, how in conditions.items() if not isinstance(how, dict) or {"$eq", "$all", "$in"} & set(how)
    ]
    hidden = {"_id": 0, "facets": 0}

    def filled(page: list[Doc]) -> list[Doc]:
        left = LIMIT - len(page)
        if not left or first.required or conditions.get(first.path) != {"$ne": None}:
            return page
        missing = collection.find({**conditions, first.path: None}, hidden)
        return [*page, *missing.sort(asked.known.key, 1).limit(left)]

    if first.low:
        end, other = ends_of(first, direction)
        by_end = [(end, direction), (other, direction), *sort]
        index = _index(collection, [*(by for by in equal if by[0] != "deprecated"), *by_end])

        def worse(document: Doc) -> tuple[float, str]:
            worst = value_at(document, end)
            worst = document[first.path] if worst is None else worst
            return direction * worst, document[asked.known.key]

        def both() -> list[Doc]:
            exact = collection.find({**conditions, end: None, other: None}, hidden).sort(sort).limit(LIMIT).hint(index)
            ranges = collection.find({**conditions, end: {"$ne": None}}, hidden).sort(by_end).limit(LIMIT).hint(index)
            return filled(sorted([*exact, *ranges], key=worse)[:LIMIT])

        return both
    index = _index(collection, [*equal, *(by for by in sort if by[0] not in dict(equal))])
    return lambda: filled(list(collection.find(conditions, hidden).sort(sort).limit(LIMIT).hint(index)))


def _compared(query: Doc) -> Iterator[tuple[str, Any]]:
    """Fields and conditions of a query that are joined by AND, however deep."""
    for name, how in query.items():
        if name == "$and":
            for part in how:
                yield from _compared(part)
        elif not name.startswith("$"):
            yield name, how


def _index(collection: Collection[Doc], keys: list[tuple[str, int]]) -> str:
    """Name of the index of the whole collection with these keys, made where there is none."""
    for name, index in collection.index_information().items():
        if index["key"] == keys and "partialFilterExpression" not in index:
            return name
    return collection.create_index(keys, name=f"{IDEAL}{uuid.uuid4().hex[:6]}")


def _drop_ideal(connection: Connection, collection: str) -> None:
    for name in connection.database[collection].index_information():
        if name.startswith(IDEAL):
            connection.database[collection].drop_index(name)


def _optimade(connection: Connection) -> Callable[[str, Question], float | None]:
    """Milliseconds by the collection class of OPTIMADE's own server, in process: it gives and counts, as a page does.

    It can't put what is missing last, and has no intervals; where its own answer would be another, it is not asked.
    """
    logging.getLogger("optimade").setLevel(logging.WARNING)  # it would log the address with the password
    config = ServerConfig(
        database_backend="mongodb",
        mongo_uri=connection.uri.get_secret_value(),
        mongo_database=connection.name,
        provider={"prefix": "exfolio", "name": "exfolio", "description": "exfolio"},
        page_limit=LIMIT,
    )

    def ask(collection: str, question: Question) -> float | None:
        fields = fields_of(collection)
        if any(fields.get(name.lstrip("-")).low for name in question.sort):
            return None
        own = {field.path for field in fields if field.path not in ("elements", "nelements", "nsites")}
        mapped = config.model_copy(
            update={
                "provider_fields": {"structures": sorted({path.split(".")[0] for path in own})},
                "aliases": {"structures": {"id": fields.key}},
            }
        )
        server = MongoCollection(collection, StructureResource, StructureMapper(mapped), mapped)
        named = re.compile(
            r"(?<![\w\".])(" + "|".join(sorted(map(re.escape, own), key=len, reverse=True)) + r")(?![\w\".])"
        )
        asked = named.sub(r"_exfolio_\1", question.filter)
        criteria: Doc = {"limit": LIMIT, "projection": {"_id": 0, "facets": 0}}
        if question.sort:
            criteria["sort"] = [(name.removeprefix("-"), -1 if name.startswith("-") else 1) for name in question.sort]

        def work() -> object:
            filter_ = server.transformer.transform(server.parser.parse(asked)) if asked else {}
            return server._run_db_query({**criteria, "filter": filter_})

        if "TRUE" in asked:  # which its transformer does not know
            return None
        began = time.perf_counter()
        work()
        once = 1000 * (time.perf_counter() - began)
        return once if once > SLOW else _in_turn(work)[0].middle

    return ask


if __name__ == "__main__":
    main()
