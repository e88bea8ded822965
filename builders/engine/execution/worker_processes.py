"""Worker processes of this machine: how they are started, and what they import beforehand."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import forkserver
from typing import ClassVar, Final

from ..stage import Stage
from .interruption import kept_from_children

FOR_REFRESH: Final = (
    "exfolio.builders.refresh",
    "exfolio.models.structure.comparison.matching",
    "exfolio.models.structure.layered.monolayer",
)
"""What the stages of a refresh import, at once or in their work."""
FOR_LEARNING: Final = (
    "exfolio.builders.compositions.route",
    "exfolio.builders.structures.crystal_gan_stage",
    "chgnet.model",
)
"""What stages that apply networks import; seconds for each worker of each of them."""


@dataclass(frozen=True)
class LocalProcesses:
    """Processes of this machine; all of one executor end when one of them dies.

    Attributes
    ----------
    processes
        How many.
    """

    processes: int
    reads_our_files: ClassVar[bool] = True
    dies_alone: ClassVar[bool] = False

    def count(self) -> int:
        """Batches, or parts of batches, that are computed at once."""
        return self.processes

    def executor(self, count: int, begin: Callable[[bytes], None], payload: bytes) -> Executor:
        """Start processes, each begun with the payload."""
        start_early(needed_by_workers())
        context = multiprocessing.get_context(start_method())
        return ProcessPoolExecutor(count, mp_context=context, initializer=begin, initargs=(payload,))


def start_early(modules: Iterable[str]) -> None:
    """Begin to import what worker processes will need, in a process of its own, while this one does other things.

    Parameters
    ----------
    modules
        What they will need; what is not among it each worker imports by itself. Where a process imports for workers
        already, that goes on as it is.
    """
    if start_method() == "forkserver":
        multiprocessing.get_context("forkserver").set_forkserver_preload(list(modules))
        with kept_from_children():
            forkserver.ensure_running()


def start_method() -> str:
    """How processes are started on this machine."""
    # Not forked: this process has threads (heartbeat, driver), which a fork would copy in mid-work.
    return "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def needed_by_workers() -> list[str]:
    """Modules that are imported once, for the workers of all stages that this process may run."""
    if FOR_REFRESH[0] in sys.modules:
        return [*FOR_REFRESH, *(FOR_LEARNING if "torch" in sys.modules else ())]
    known, stages = set(), list(Stage.__subclasses__())
    while stages:
        stage = stages.pop()
        stages += stage.__subclasses__()
        known.add(stage.__module__)
    return sorted(module for module in known if module.startswith("exfolio."))
