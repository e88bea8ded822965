"""Times `exfolio ingest vasp` on a tree of VASP folders against bare Vasprun parsing on as many processes.

Both are commands of their own, in turns; each is timed as a whole, and without the time it takes to start.

    python tests/benchmarks/bench_vasp.py [shared/data/vasp] --folders 20000 --processes 2 [--kill]

The tree is made of the real files: copied, renamed, told apart by a comment, some of them broken. It is written to a
temporary folder and ingested into a database of its own on the embedded server (or that of EXFOLIO_MONGO_URI).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from exfolio.builders.calculations.vasp_results_stage import VaspStage
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.stores.connection import Connection, connect
from exfolio.stores.schema import initialise
from exfolio.stores.settings import Settings

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "vasp"
# Shares of the tree; most calculations of a campaign are small.
SHARES = {
    "Al_R2SCAN": 0.80,
    "task_directory": 0.08,
    "V2O5_unconverged": 0.04,
    "LiFePO4_GGA_U": 0.01,
    "LiFe4P4O16_HSE06": 0.01,
    "broken": 0.06,
}
BARE = Path(__file__).with_name("bare_vasprun.py")
SAMPLE = 400  # folders that are parsed bare


def main() -> None:
    """Make the tree, ingest it, parse a sample of it bare, and print both rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=DATA, help="folder with the real VASP output")
    parser.add_argument("--folders", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--kill", action="store_true", help="kill the ingestion twice on the way; what is timed resumes it"
    )
    parser.add_argument("--ingest", help=argparse.SUPPRESS)  # the child that is killed
    parser.add_argument("--database", default=f"bench_vasp_{uuid.uuid4().hex[:8]}", help=argparse.SUPPRESS)
    given = parser.parse_args()
    settings = Settings(database=given.database)
    if given.ingest:
        with connect(settings, autostart=True) as connection:
            run_stage(VaspStage([given.ingest]), connection, processes=given.processes)
        return
    root = Path(tempfile.mkdtemp(prefix="exfolio-bench-vasp-"))
    try:
        good, bad = make_tree(given.data, root, given.folders)
        print(
            f"tree of {given.folders:,} folders: {len(good):,} good, {bad:,} broken; {given.processes} processes",
            flush=True,
        )
        with connect(settings, autostart=True) as connection:
            initialise(connection)
            try:
                if given.kill:
                    kill_on_the_way(root, connection, given.processes, len(good))
                measure(root, connection, good, bad, given.processes)
            finally:
                connection.client.drop_database(connection.name)
    finally:
        shutil.rmtree(root)


def make_tree(data: Path, root: Path, folders: int) -> tuple[list[Path], int]:
    """Fill a folder with calculations; gives the good vasprun.xml files, and how many are broken."""
    chosen = random.Random(0).choices(list(SHARES), weights=list(SHARES.values()), k=folders)
    good: list[Path] = []
    for number, kind in enumerate(chosen):
        folder = root / f"block {number // 100:03d}" / f"{kind}-{number:05d}"
        folder.mkdir(parents=True)
        if kind == "broken":
            break_one(data, folder, number)
            continue
        for file in (data / kind).iterdir():
            copy = folder / (file.name.replace(".gz", ".relax1.gz") if number % 5 == 0 else file.name)
            shutil.copyfile(file, copy)
            if file.name.startswith("vasprun"):
                with copy.open("ab") as stream:  # a second gzip member: a comment after the root element
                    stream.write(gzip.compress(f"<!-- {number} -->\n".encode()))
                good.append(copy)
    return good, folders - len(good)


def break_one(data: Path, folder: Path, number: int) -> None:
    """Make one of several kinds of broken folder."""
    text = gzip.decompress((data / "Al_R2SCAN" / "vasprun.xml.gz").read_bytes())
    path = folder / "vasprun.xml"
    kind = number % 5
    if kind == 0:
        shutil.copyfile(data / "truncated" / "vasprun.xml.gz", folder / "vasprun.xml.gz")
    elif kind == 1:
        path.write_bytes(text.replace(b"<modeling>", b'<!DOCTYPE m [<!ENTITY a "a">]><modeling>', 1))
    elif kind == 2:
        path.write_bytes(text.replace(b"-3.74198121", b"        NaN"))
    elif kind == 3:
        path.touch()
        os.truncate(path, 10 * 2**30)
    else:
        (folder / "vasprun.xml").symlink_to(folder)


def measure(root: Path, connection: Connection, good: list[Path], bad: int, processes: int) -> None:
    """Ingest what of the tree is not in the registry yet, parse a sample of it bare, and count what is there."""
    calculations = connection.database["calculations"]
    before = calculations.count_documents({})
    bare_before = bare(good, processes)
    report, whole, memory = ingested(root, connection, processes)
    bare_after = bare(good, processes)
    again, seconds, _ = ingested(root, connection, processes)
    total, folders = calculations.count_documents({}), len(calculations.distinct("directory"))
    refused = connection.database["quarantine"].count_documents({})
    print(
        f"  {report['due']:,} folders in this run, {report['inserted']:,} calculations new, "
        f"{report['unchanged']:,} done twice; {total:,} calculations of {folders:,} folders, {refused:,} in quarantine"
    )
    assert (before + report["inserted"], total, folders) == (total, len(good), len(good)), report
    assert (refused, report["failed"]) == (bad, 0), report
    assert (again["due"], again["inserted"] + again["updated"]) == (0, 0), again
    for name, ours in (("without the start", report["seconds"]), ("whole commands", whole)):
        rate, peer = report["due"] / ours, (bare_before[name] + bare_after[name]) / 2
        print(f"  {name:<20} Vasprun {peer:8.1f} /s   ingestion {rate:8.1f} /s   {rate / peer:5.2f} x")
    quarter = max(memory[len(memory) // 8 : len(memory) // 4] or memory) >> 20
    print(f"  memory of all processes: {quarter:,} MiB in the first quarter, {max(memory) >> 20:,} MiB at most")
    print(f"  the same tree again: {seconds:.1f} s, nothing read")


def ingested(root: Path, connection: Connection, processes: int) -> tuple[dict[str, Any], float, list[int]]:
    """Report of the command, its seconds, and the bytes of memory that it held with its workers, now and then."""
    command = [sys.executable, "-m", "exfolio", "ingest", "vasp", str(root), "-n", str(processes), "--json"]
    memory: list[int] = []
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"EXFOLIO_DATABASE": connection.name})
    while child.poll() is None:
        with suppress(psutil.NoSuchProcess):
            me = psutil.Process(child.pid)
            memory.append(sum(one.memory_info().rss for one in (me, *me.children(recursive=True))))
        time.sleep(0.1)
    seconds = time.perf_counter() - started
    assert child.stdout is not None
    return json.load(child.stdout), seconds, memory


def bare(good: list[Path], processes: int) -> dict[str, float]:
    """Files per second of Vasprun alone: of the script as a whole, for all files, and of its parsing."""
    sample = random.Random(1).sample(good, min(SAMPLE, len(good)))
    script = [sys.executable, str(BARE), str(processes)]
    started = time.perf_counter()
    done = subprocess.run(script, input="\n".join(map(str, sample)), text=True, stdout=subprocess.PIPE, check=True)
    start = time.perf_counter() - started - (parsing := json.loads(done.stdout)["seconds"])
    return {
        "without the start": len(sample) / parsing,
        "whole commands": len(good) / (start + parsing * len(good) / len(sample)),
    }


def kill_on_the_way(root: Path, connection: Connection, processes: int, count: int) -> None:
    """Begin the ingestion and kill it, twice."""
    calculations = connection.database["calculations"]
    for share in (0.02, 0.05):
        command = [sys.executable, __file__, "-", "--ingest", str(root), "--processes", str(processes)]
        child = subprocess.Popen([*command, "--database", connection.name], start_new_session=True)
        while child.poll() is None and calculations.count_documents({}) < share * count:
            time.sleep(0.5)
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        print(f"  killed with {calculations.count_documents({}):,} calculations in the registry", flush=True)


if __name__ == "__main__":
    main()
