"""What runs in a worker: it gets a stage and what that looked up once, and then batches; it opens no connection.

The same in a process of this machine and in a worker of Dask on another one.
"""

from __future__ import annotations

import gc
import hashlib
import os
import pickle
import platform
import signal
import sys
import threading
from dataclasses import replace
from functools import cache
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import Final

from ....stores.errors import CannotRunError
from .. import lookups
from ..batches import Batch
from ..limits import Limits
from ..stage import Stage
from ..version import VERSION
from .interruption import STOPPING

COLLECT_EVERY: Final = 100_000
"""Objects; a batch is many small ones that live until it is written, none of them garbage."""
_COMPUTING: Final = ("builders", "models", "stores")

_begun = threading.local()
"""In a worker, by thread: the stage it works for, or why it can't."""


class CannotCompute(CannotRunError):
    """A worker can't make the stage, or not the same one as here."""


@cache
def versions() -> dict[str, str]:
    """What has to be the same wherever batches of one run are computed: exfolio, its very code, and Python."""
    root = Path(__file__).parents[3]
    code = hashlib.blake2b(digest_size=6)
    for folder in _COMPUTING:
        for file in sorted((root / folder).rglob("*.py")):
            code.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    python = ".".join(platform.python_version_tuple()[:2])
    return {"exfolio": VERSION, "code": code.hexdigest(), "Python": python}


def unlike(theirs: dict[str, str], ours: dict[str, str]) -> str:
    """Say in which versions others differ from ours; empty where they are the same."""
    return ", ".join(
        f"{name} {theirs.get(name, 'unknown')} instead of {value}"
        for name, value in ours.items()
        if theirs.get(name) != value
    )


def payload_of(stage: Stage) -> bytes:
    """Pack a stage and all it looks up, for workers; the database is open."""
    return pickle.dumps((stage.name, stage.version, pickle.dumps(stage), lookups.read_all(stage)))


def begin(payload: bytes, limits: Limits) -> None:
    """Make the stage in this thread of a worker; what keeps it from that is told with every batch."""
    own_process = threading.current_thread() is threading.main_thread()
    if own_process:  # not a thread of another one
        for number in STOPPING:  # left to the process that selects and writes
            signal.signal(number, signal.SIG_IGN)
        threading.Thread(target=end_with_parent, name="parent watch", daemon=True).start()
    gc.set_threshold(COLLECT_EVERY)
    if "OMP_NUM_THREADS" not in os.environ:  # there is a process for each core, so one thread each, unless told
        os.environ["OMP_NUM_THREADS"] = "1"
        if torch := sys.modules.get("torch"):
            torch.set_num_threads(1)
    try:
        _begun.stage = unpacked(payload)
        _begun.stage.limit(limits.of_worker(own_process=own_process))
        if own_process:
            _begun.stage.item_limits.hold_process()
    except Exception as error:  # noqa: BLE001  raised here it would look like a crash
        _begun.stage = None
        _begun.why = f"{type(error).__name__}: {error}"


def unpacked(payload: bytes) -> Stage:
    """Stage that `payload_of` has packed, with what it had looked up.

    Raises
    ------
    ValueError
        It is of another version here.
    """
    name, version, packed, looked_up = pickle.loads(payload)  # noqa: S301  of this program's own process
    stage: Stage = pickle.loads(packed)  # noqa: S301
    if stage.version != version:
        raise ValueError(f"stage {name} is of version {stage.version} here and of version {version} where it was begun")
    lookups.hand_over(stage, looked_up)
    return stage


def process(batch: Batch) -> Batch:
    """What became of a batch, without its items: who sent it has them. In a worker that has begun.

    Raises
    ------
    CannotCompute
        It could not begin.
    """
    stage: Stage | None = getattr(_begun, "stage", None)
    if stage is None:
        why = getattr(_begun, "why", "it was never begun")
        where = platform.node()
        raise CannotCompute(
            f"a worker on {where} can't make the stage: {why}",
            "Install there what is installed here, in the same versions.",
        )
    return replace(stage.process_item(batch), items=[])


def end_with_parent() -> None:
    """End this process when the one that started it ends, however that is."""
    # Workers hold each other's pipes open, so that none of them sees the end of a process that was killed.
    if (parent := parent_process()) is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


__all__ = ["CannotCompute", "begin", "end_with_parent", "payload_of", "process", "unlike", "unpacked", "versions"]
