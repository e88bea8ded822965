"""What the pages ask, over HTTP, by many clients at once, of a registry as large as a real one.

It makes the registry itself, in a database of its own, serves it by `exfolio serve` in a process of its own, and drops
it in the end. Each client keeps one connection, as a browser does, takes compressed answers, opens one page after
another, and looks at each for a while before it opens the next; with `--pause 0` it does not look. The clients draw
elements, systems and documents at random, so that hardly two ask the same. For each kind of question: how many
answers, median and 95th percentile; for all of them together with how many are answered in a second.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import socket
import statistics
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import large_registry
import psutil
from exfolio.builders.candidates.campaigns.gate_outline import shipped_campaigns
from exfolio.stores.connection import Connection, connect
from exfolio.stores.schema import initialise
from exfolio.stores.settings import load_settings

ELEMENTS: Final = ("O", "S", "Se", "F", "Cl", "N", "P", "C", "Si", "Li", "Na", "Mo", "Mn", "Fe", "Ti", "Te", "Ga", "Sn")
KEYS: Final = {"materials": "material_id", "structures": "structure_id", "candidates": "candidate_id"}
COLUMNS: Final = {
    "candidates": "candidate_id,formula_reduced,status,exfoliation_energy,energy_above_hull,band_gap,novelty_class",
    "materials": "material_id,formula_reduced,source,space_group.symbol,nsites,formation_energy,band_gap",
    "compositions": "formula_reduced,status,p_2d,predicted_formation_energy,rejected_by",
}
WARM_UP: Final = 5.0
"""s, in which the server imports what it needs and opens its connections to the database."""
UNINDEXED: Final = {
    "volume of a material": "materials?filter=volume>1e6&sort=volume",
    "text within a formula": 'compositions?filter=formula_reduced CONTAINS "Xe7Y"',
    "a value few have": "compositions?filter=times_drawn=977",
}
"""Questions that no index answers."""
Page = list[tuple[str, str]]
"""Kind and address of each question that a page asks."""


def main() -> None:
    """Print the times of the questions."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", type=int, default=1_000_000, help="compositions of the registry")
    options.add_argument("--database", help="a registry that is there already, and stays")
    options.add_argument("--cache-gb", type=float, default=1.0, help="cache of the embedded server, GB")
    options.add_argument("--clients", type=int, default=50)
    options.add_argument("--pause", type=float, default=1.0, help="s, mean time for which a client looks at a page")
    options.add_argument("--seconds", type=float, default=30.0, help="how long they ask")
    options.add_argument("serve", nargs="*", help="further options of exfolio serve, behind --")
    asked = options.parse_args()
    name = asked.database or f"bench_http_{uuid.uuid4().hex[:8]}"
    with connect(load_settings(database=name, cache_gb=asked.cache_gb), autostart=True) as connection:
        try:
            if not asked.database:
                numbers = large_registry.fill(connection, asked.size)
                _note_campaign(connection)
                initialise(connection)
                print("registry of", ", ".join(f"{number:,} {what}" for what, number in numbers.items()), flush=True)
            visit = _visits(connection)
            with _served(name, asked.serve) as (port, server):
                database = _listening_at((connection.client.address or ("", 0))[1])
                asyncio.run(_timed(port, visit, asked.clients, asked.pause, WARM_UP))
                print("warm:")
                before = [sum(process.cpu_times()[:2]) for process in (server, database)]
                answers = asyncio.run(_timed(port, visit, asked.clients, asked.pause, asked.seconds))
                spent = [sum(process.cpu_times()[:2]) for process in (server, database)]
                each = [1000 * (now - then) / answers for now, then in zip(spent, before, strict=True)]
                print(f"CPU of an answer: server {each[0]:.1f} ms, database {each[1]:.1f} ms; ", end="")
                print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
                asyncio.run(_refused(port))
        finally:
            if not asked.database:
                connection.client.drop_database(name)


def _listening_at(port: int) -> psutil.Process:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(one.laddr.port == port and one.status == "LISTEN" for one in process.net_connections("tcp")):
                return process
    raise LookupError(f"no process of this machine listens at {port}")


def _note_campaign(connection: Connection) -> None:
    """The campaign of the candidates, as a refresh notes it: its gates are those that exfolio brings."""
    [campaign] = [plain for plain in shipped_campaigns() if plain["name"] == large_registry.CAMPAIGN]
    state = {"stage": f"judge:{campaign['name']}", "maker": {"arguments": {"campaign": campaign}}}
    connection.database["stage_states"].insert_one(state)


@contextmanager
def _served(database: str, options: list[str]) -> Iterator[tuple[int, psutil.Process]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "exfolio", "serve", "--port", str(port), *options]
    server = subprocess.Popen(command, env={**os.environ, "EXFOLIO_DATABASE": database}, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.2)
        yield port, psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(timeout=20)


def _visits(connection: Connection) -> Callable[[random.Random], Page]:
    """Chooses a page; documents that are opened are some of those there are."""
    known = {}
    for collection, key in KEYS.items():
        sample = connection.database[collection].aggregate([{"$sample": {"size": 2_000}}, {"$project": {key: 1}}])
        known[collection] = [str(document[key]) for document in sample]
    systems = connection.database["materials"].aggregate([{"$sample": {"size": 500}}, {"$project": {"chemsys": 1}}])
    known["chemsys"] = [str(document["chemsys"]) for document in systems]

    def search(draw: random.Random) -> Page:
        collection = draw.choice(list(COLUMNS))
        some = draw.sample(ELEMENTS, draw.choice((1, 2, 2)))
        filters = [
            "",
            "elements HAS ALL " + ",".join(f'"{symbol}"' for symbol in some),
            f'chemsys = "{draw.choice(known["chemsys"])}"',
        ]
        order = ""
        if collection == "candidates":
            status = draw.choice(("promoted", "waiting", "rejected"))
            filters += [f'campaign = "{large_registry.CAMPAIGN}" AND status = "{status}"']
            order = draw.choice(("status", "exfoliation_energy", "energy_above_hull"))
        if collection == "materials":
            gap = round(draw.uniform(0, 8), 2)
            filters += [f"preferred.band_gap >= {gap} AND preferred.band_gap <= {gap + 0.2:.2f}", "layered = TRUE"]
        if collection == "compositions":
            filters += ['status = "promoted"', f"p_2d >= {draw.uniform(0.5, 0.99):.3f}"]
            order = "-p_2d"
        query = f"filter={quote(draw.choice(filters))}&sort={order}&limit=50&fields={COLUMNS[collection]}"
        fields = ("fields", f"collections/{collection}/fields")
        return [fields, (f"search of {collection}", f"collections/{collection}?{query}")]

    def document(draw: random.Random) -> Page:
        collection = draw.choice(list(KEYS))
        key = quote(draw.choice(known[collection]))
        page = [("document", f"documents/{key}"), ("values", f"documents/{key}/values")]
        if collection == "candidates":
            page += [("why", f"why/{key}")]
        return [*page, ("origins", f"documents/{key}/origins")]

    def home(draw: random.Random) -> Page:
        return [("collections", "collections"), ("campaigns", "campaigns"), *search(draw)]

    def funnel(draw: random.Random) -> Page:
        del draw
        return [("campaigns", "campaigns"), ("funnel", f"campaigns/{large_registry.CAMPAIGN}/funnel")]

    def stand(draw: random.Random) -> Page:
        since = f"2026-01-01T00:0{draw.randrange(9)}"
        return [("status", "status"), ("changes", f"collections/candidates/changes?since={since}&limit=100")]

    pages = (home, search, document, funnel, stand)
    return lambda draw: draw.choices(pages, (2, 10, 6, 1, 1))[0](draw)


async def _timed(port: int, visit: Callable[[random.Random], Page], clients: int, pause: float, seconds: float) -> int:
    times: dict[str, list[float]] = defaultdict(list)
    wrong: dict[str, int] = defaultdict(int)
    end = time.perf_counter() + seconds

    async def client(seed: int) -> None:
        draw, browser = random.Random(seed), Browser(port)
        await asyncio.sleep(draw.random() * pause)
        while time.perf_counter() < end:
            for kind, address in visit(draw):
                began = time.perf_counter()
                status, _ = await browser.ask(f"/api/v1/{address}")
                times[kind].append(1000 * (time.perf_counter() - began))
                if status != 200:
                    wrong[f"{status} {kind}"] += 1
            await asyncio.sleep(draw.expovariate(1 / pause) if pause else 0)
        browser.close()

    await asyncio.gather(*map(client, range(clients)))
    print(f"{'question':28} {'answers':>8} {'p50 ms':>8} {'p95 ms':>8} {'most ms':>8}")
    everything = [one for taken in times.values() for one in taken]
    for kind, unsorted in [*sorted(times.items()), ("all", everything)]:
        taken = sorted(unsorted)
        middle, high = statistics.median(taken), taken[int(0.95 * (len(taken) - 1))]
        print(f"{kind:28} {len(taken):8,} {middle:8.1f} {high:8.1f} {taken[-1]:8.1f}")
    print(f"{len(everything) / seconds:.0f} answers/s; not 200: {dict(wrong) or 'none'}", flush=True)
    return len(everything)


async def _refused(port: int) -> None:
    """What no index answers: told within the time a question has, or found."""
    browser = Browser(port, coding="identity")
    for what, address in UNINDEXED.items():
        began = time.perf_counter()
        status, body = await browser.ask(f"/api/v1/collections/{quote(address, safe='?&=/')}")
        print(f"{what:28} {time.perf_counter() - began:6.1f} s  {status} {body[:160].decode()}", flush=True)
    browser.close()


class Browser:
    """One connection, opened again where the server has closed it for idleness."""

    def __init__(self, port: int, *, coding: str = "gzip") -> None:
        self.port, self.coding = port, coding
        self.writer: asyncio.StreamWriter | None = None

    async def ask(self, address: str) -> tuple[int, bytes]:
        """Status and body of the answer, compressed as it comes; once more where the connection was just closed."""
        try:
            return await self._ask(address)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.close()
            return await self._ask(address)

    async def _ask(self, address: str) -> tuple[int, bytes]:
        if self.writer is None or self.reader.at_eof():
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        line = f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: {self.coding}\r\n\r\n"
        self.writer.write(line.encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        if b"content-length:" in head:
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            return status, await self.reader.readexactly(length)
        body = b""
        while size := int(await self.reader.readline(), 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readline()
        return status, body

    def close(self) -> None:
        """Let go of the connection."""
        if self.writer is not None:
            self.writer.close()
        self.writer = None


if __name__ == "__main__":
    main()
