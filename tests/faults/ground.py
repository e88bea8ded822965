"""A small registry of its own to do harm to: two campaigns over one file, refreshed by the command as people run it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import psutil
from contents import current, differences, empty
from exfolio.stores.connection import Connection, connect
from exfolio.stores.server import embedded
from exfolio.stores.settings import Settings, load_settings
from two_campaigns import write_campaigns

PROGRAM: Final = "import sys; from exfolio.cli.main import main; main()"
DRIVERS_WORDS: Final = (
    *("Traceback", "pymongo", "Topology", "ServerSelection"),
    *("errno", "socketTimeoutMS", "lsid", "OperationFailure"),
)
"""What nobody should be shown."""
LEASE_SECONDS: Final = 4


@dataclass(slots=True)
class Tally:
    """What came of one kind of fault."""

    name: str
    faults: int = 0
    exits: Counter[int] = field(default_factory=Counter)
    """Exit codes of the commands that were hit."""
    compared: int = 0
    """How often the content was compared with that of the undisturbed run."""
    wrong: list[str] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)
    """First lines of their errors."""

    def line(self) -> str:
        """What is printed."""
        exits = ", ".join(f"{number}x {code}" for code, number in sorted(self.exits.items()))
        verdict = "all equal" if not self.wrong else f"{len(self.wrong)} WRONG: {self.wrong[:3]}"
        said = "".join(f"\n    {number}x {text}" for text, number in self.said.most_common(6))
        compared = f"compared {self.compared} times, {verdict}{said}"
        return f"{self.name}: {self.faults} faults, exit codes {exits or 'none'}; {compared}"


class Ground:
    """A folder with files, settings and a server.

    Parameters
    ----------
    folder
        Where all of it lies.
    uri
        Of a server that is not the embedded one.
    more
        Further settings, by name.
    """

    def __init__(self, folder: Path, *, uri: str = "", **more: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.campaigns = write_campaigns(folder)
        self.own: dict[str, object] = {
            "HOME": folder / "home",
            "BATCH_SIZE": 7,
            "CACHE_GB": 0.25,
            "LEASE_SECONDS": LEASE_SECONDS,
            "RETRY_FIRST_SECONDS": 0,
            **({"MONGO_URI": uri} if uri else {}),
            **more,
        }
        self.undisturbed: Any = None
        self.seconds = 0.0

    @property
    def settings(self) -> Settings:
        """Settings as the commands have them."""
        return load_settings(**{name.lower(): value for name, value in self.own.items() if "__" not in name})

    def connect(self) -> Connection:
        """A connection of this process."""
        return connect(self.settings, autostart=True)

    def start(self, *arguments: str, wrapper: tuple[str, ...] = (), **more: object) -> subprocess.Popen[str]:
        """Start a command; its output goes into a pipe."""
        own = {f"EXFOLIO_{name}": str(value) for name, value in (self.own | more).items()}
        command = [*wrapper, sys.executable, "-c", PROGRAM, *arguments]
        pipe = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env={**os.environ, **own}, start_new_session=True, **pipe)

    def refresh(self, **more: Any) -> subprocess.Popen[str]:
        """Start the refresh of both campaigns."""
        return self.start("refresh", *self.campaigns, "-n", "1", **more)

    def learn(self) -> None:
        """Run undisturbed, and keep what came out and how much CPU it took: of a second run, as the first compiles."""
        self.refresh().communicate()
        self.clear()
        process = self.refresh()
        cpu = [0.0]
        while process.poll() is None:
            cpu.append(cpu_seconds(process.pid) or cpu[-1])
            time.sleep(0.02)
        _, errors = process.communicate()
        if process.returncode:
            raise RuntimeError(errors)
        self.seconds = max(cpu)
        with self.connect() as connection:
            self.undisturbed = current(connection)
        sizes = ", ".join(f"{len(docs)} {name}" for name, docs in self.undisturbed.items() if docs)
        print(f"undisturbed: {self.seconds:.1f} s of CPU, {sizes}; sha256 {_digest(self.undisturbed)}", flush=True)

    def clear(self) -> None:
        """Take all content out."""
        with self.connect() as connection:
            if connection.database.list_collection_names():
                empty(connection)

    def until(self, process: subprocess.Popen[str], seconds: float) -> bool:
        """Wait until a command has used so much CPU; False where it ended before."""
        while process.poll() is None:
            if (cpu_seconds(process.pid) or 0) >= seconds:
                return True
            time.sleep(0.005)
        return False

    def note_end(self, tally: Tally, process: subprocess.Popen[str]) -> int:
        """Wait for a command that was hit, and note its exit code and what it said."""
        _, errors = process.communicate(timeout=600)
        tally.exits[process.returncode] += 1
        if process.returncode > 0:
            first = [line for line in errors.splitlines() if line.startswith(("Error", "Traceback"))] or [errors[-200:]]
            tally.said[_without_numbers(first[0])] += 1
        tally.wrong += [f"shows {word}" for word in DRIVERS_WORDS if word in errors]
        return process.returncode

    def finish(self, tally: Tally, **more: Any) -> None:
        """Refresh until all is done, then compare; a second refresh must write nothing."""
        for _ in range(4):
            process = self.refresh(**more)
            _, errors = process.communicate(timeout=600)
            if process.returncode == 0:
                break
            time.sleep(1)
        else:
            tally.wrong.append(f"never finished: {errors[-300:]}")
        self.compare(tally)

    def compare(self, tally: Tally) -> None:
        """Compare the content with that of the undisturbed run."""
        tally.compared += 1
        with self.connect() as connection:
            tally.wrong += differences(current(connection), self.undisturbed)[:3]
            database = connection.database
            tally.wrong += [str(doc) for doc in database["failures"].find().limit(2)]
            for name in ("materials", "structures", "compositions", "candidates"):  # nothing doubled
                number, distinct = database[name].count_documents({}), len(self.undisturbed[name])
                if number != distinct:
                    tally.wrong.append(f"{number} {name} for {distinct}")

    def stop(self) -> None:
        """Stop the embedded server."""
        if embedded.find_running(self.settings):
            embedded.stop(self.settings)


def cpu_seconds(pid: int) -> float | None:
    """CPU that a process has used; None where it is gone."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)


def _digest(contents: Mapping[str, Any]) -> str:
    ordered = {name: dict(sorted(docs.items())) for name, docs in contents.items()}
    return hashlib.sha256(repr(ordered).encode()).hexdigest()[:16]


def _without_numbers(line: str) -> str:
    return "".join("#" if letter.isdigit() else letter for letter in line)[:160]
