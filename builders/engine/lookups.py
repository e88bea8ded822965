"""What stages look up once for `process`, wherever that runs: here, in worker processes, under maggma's runner."""

from __future__ import annotations

from typing import Any

from ...stores.connection import connect
from .contract import StageContract

_READ: dict[tuple[str, str], Any] = {}
"""By name and fingerprint, in processes that get a stage without its lookup: maggma's runner makes it anew for every
batch. They live as long as one run."""


def read_all(stage: StageContract) -> list[Any]:
    """Lookups of a stage and of those fused with it, in their order; the database is open."""
    return [member.read_lookup() for member in _family(stage)]


def hand_over(stage: StageContract, lookups: list[Any]) -> None:
    """Hand a stage, in another process, what `read_all` has read for it."""
    for member, lookup in zip(_family(stage), lookups, strict=True):
        member.lookup = lookup
        member.has_lookup = True


def provide(stage: StageContract) -> None:
    """Read a stage's lookups, unless it has them."""
    if stage.has_lookup or not any(_looks_up(member) for member in _family(stage)):
        return
    if stage.current_run.connection is not None:
        for member in _family(stage):
            member.current_run.connection = stage.current_run.connection
        hand_over(stage, read_all(stage))
        return
    key = (stage.name, stage.fingerprint)
    if key not in _READ:
        with connect() as connection:  # one client, closed again: every batch comes with a new stage
            for member in _family(stage):
                member.current_run.connection = connection
                member.before_run()
            _READ[key] = read_all(stage)
        for member in _family(stage):
            member.current_run.connection = None
    hand_over(stage, _READ[key])


def _looks_up(stage: StageContract) -> bool:
    return type(stage).read_lookup is not StageContract.read_lookup


def _family(stage: StageContract) -> list[Any]:
    return [stage, *(stage.fused.stages if stage.fused is not None else ())]
