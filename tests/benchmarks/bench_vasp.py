"""Times the ingestion of a tree of VASP folders against bare Vasprun parsing on as many processes, in one run.

    python tests/benchmarks/bench_vasp.py [shared/data/vasp] --folders 20000 --processes 2 [--kill]

The tree is made of the real files: copied, renamed, told apart by a comment, some of them broken. It is written to a
temporary folder and ingested into a database of its own on the embedded server (or that of EXFOLIO_MONGO_URI).
"""

from __future__ import annotations

import argparse
import gzip
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import psutil
from exfolio.builders.calculations.vasp.guards import BadRun, plain_xml
from exfolio.builders.calculations.vasp_results_stage import VaspStage
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.engine.stage import Stage
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection, connect
from exfolio.stores.settings import Settings
from pymatgen.io.vasp.outputs import Vasprun

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
SAMPLE = 100  # folders that are parsed bare


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
    memory: list[int] = []

    def watch(_stage: Stage, _report: StageReport) -> None:
        me = psutil.Process()
        memory.append(sum(one.memory_info().rss for one in (me, *me.children(recursive=True)) if one.is_running()))

    before = calculations.count_documents({})
    bare_before = bare(good, processes)
    started = time.perf_counter()
    report = run_stage(VaspStage([root]), connection, processes=processes, progress=watch)
    ours = report.due / (time.perf_counter() - started)
    bare_after = bare(good, processes)
    started = time.perf_counter()
    again = run_stage(VaspStage([root]), connection, processes=processes)
    seconds = time.perf_counter() - started
    total, folders = calculations.count_documents({}), len(calculations.distinct("directory"))
    refused = connection.database["quarantine"].count_documents({})
    print(
        f"  {report.due:,} folders in this run, {report.inserted:,} calculations new, {report.unchanged:,} done twice; "
        f"{total:,} calculations of {folders:,} folders, {refused:,} in quarantine"
    )
    assert (before + report.inserted, total, folders) == (total, len(good), len(good)), report
    assert (refused, report.failed) == (bad, 0), report
    assert (again.due, again.written) == (0, 0), again
    for name in bare_before:
        peer = (bare_before[name] + bare_after[name]) / 2
        print(f"  {name:<34} {peer:8.1f} /s   ingestion {ours:8.1f} /s   {ours / peer:5.2f} x")
    quarter = max(memory[len(memory) // 8 : len(memory) // 4] or memory) >> 20
    print(f"  memory of all processes: {quarter:,} MiB in the first quarter, {max(memory) >> 20:,} MiB at most")
    print(f"  the same tree again: {seconds:.1f} s, nothing read")


def bare(good: list[Path], processes: int) -> dict[str, float]:
    """Give files per second of Vasprun alone, in a pool that has been started before."""
    sample = random.Random(1).sample(good, min(SAMPLE, len(good)))
    rates = {}
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("forkserver")) as pool:
        list(pool.map(parse_as_it_is, sample[: 2 * processes]))
        for name, work in (("Vasprun as it is", parse_as_it_is), ("Vasprun without density of states", parse_lean)):
            started = time.perf_counter()
            list(pool.map(work, sample))
            rates[name] = len(sample) / (time.perf_counter() - started)
    return rates


def parse_as_it_is(path: Path) -> float:
    """Parse a file with pymatgen's defaults, but for POTCARs."""
    return _parse(path, parse_dos=True)


def parse_lean(path: Path) -> float:
    """Parse a file with the options that ingestion takes."""
    return _parse(path, parse_dos=False)


def _parse(path: Path, *, parse_dos: bool) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return float(Vasprun(path, parse_dos=parse_dos, parse_potcar_file=False).final_energy)
        except UnicodeDecodeError:  # a name that pymatgen takes for no compressed file
            with plain_xml(path) as plain:
                return float(Vasprun(plain, parse_dos=parse_dos, parse_potcar_file=False).final_energy)
        except BadRun:
            return 0.0


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
