"""What a user may set of a Dask cluster that computes for heavy stages: where it is, or how it is started.

Holds values only; what starts jobs is `builders.engine.execution.clusters`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Queue = Literal["slurm", "pbs", "lsf"]
QUEUES: Final[tuple[Queue, ...]] = ("slurm", "pbs", "lsf")
SCHEMES: Final = ("tcp://", "tls://", "ucx://", "ws://", "wss://")


def _checked_cluster(text: str) -> str:
    if text not in QUEUES and not text.startswith(SCHEMES):
        raise ValueError(f"the address of a Dask scheduler, as tcp://host:8786, or one of {', '.join(QUEUES)}")
    return text


class DaskSettings(BaseModel):
    """The table ``[dask]`` of the settings file, or ``EXFOLIO_DASK__<NAME>``."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    cluster: Annotated[str, AfterValidator(_checked_cluster)] | None = Field(
        None, description="where refreshes compute: tcp://host:8786 of a scheduler, or slurm, pbs or lsf to start one"
    )
    wait_seconds: float = Field(
        600, gt=0, description="how long there may be no worker, as while jobs queue, or no answer of the scheduler, s"
    )
    jobs: int = Field(2, ge=1, description="jobs that are asked of the queueing system")
    cores: int = Field(1, ge=1, description="cores of a job")
    processes: int | None = Field(None, ge=1, description="worker processes of a job; as many as cores without")
    memory: str = Field("4GB", pattern=r"^\d+(\.\d+)? ?[kKMGT]?i?B$", description="memory of a job")
    walltime: str = Field("01:00:00", min_length=1, description="time of a job, as the queueing system writes it")
    queue: str | None = Field(None, description="queue or partition")
    account: str | None = Field(None, description="account or project that is charged")
    directives: tuple[str, ...] = Field((), description="further lines for the queueing system, as --gres=gpu:1")
    prologue: tuple[str, ...] = Field((), description="shell lines before a worker starts, as module load python")
    python: str | None = Field(None, description="Python of the workers; the one that runs this without")
    interface: str | None = Field(None, description="network interface by which nodes reach each other, as ib0")
    log_folder: str | None = Field(None, description="where jobs write what they say; their own folder without")


__all__ = ["QUEUES", "DaskSettings", "Queue"]
