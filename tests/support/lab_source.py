"""A source of files that a test writes: rock salt again and again, told apart by id and band gap."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.sources.file_stage import SourceStage
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from known_crystals import crystals

Records = list[dict[str, Any] | str]


def records(count: int, first: int = 0) -> Records:
    """Rock salt again and again, told apart by its band gap."""
    [salt] = crystals("NaCl-rocksalt")
    return [
        {"material_id": f"m-{i}", "structure": salt["structure"], "band_gap": 5.0 + i / 1000}
        for i in range(first, first + count)
    ]


def write(path: Path, content: Records) -> Path:
    """Write JSON lines; a text stands as it is."""
    path.write_text("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in content))
    return path


def pull(
    registry: Connection, *paths: Path, kind: str = "structures", batch_size: int = 4, **given: Any
) -> StageReport:
    """Bring files in, in batches of 4; what is given beside is of the stage, or an option of the reader."""
    of_stage = {name: given.pop(name) for name in ("accept_loss", "reread") if name in given}
    stage = SourceStage(kind, {"paths": list(paths), "source": "lab", **given}, **of_stage)
    return run_stage(stage, registry, batch_size=batch_size)


class Crash(RuntimeError):
    """What stands for a kill."""


def crash_after(batches: int) -> Any:
    left = [batches]

    def count(*_: object) -> None:
        left[0] -= 1
        if not left[0]:
            raise Crash

    return count


def crash(method: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """What raises where it was to do something, before or after that."""

    def crashing(*arguments: Any, **options: Any) -> None:
        if after:
            method(*arguments, **options)
        raise Crash

    return crashing
