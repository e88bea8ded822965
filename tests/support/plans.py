"""Running stages in the order in which they depend on each other, as a refresh does, without sources and leases."""

from collections.abc import Sequence
from typing import Any

from exfolio.builders.engine.execution import plan
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.engine.stage import Stage
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection


def run_all(connection: Connection, stages: Sequence[Stage], **options: Any) -> dict[str, StageReport]:
    """Run stages until nothing is due; what each did, all its runs together."""
    reports = {stage.name: StageReport(stage.name) for stage in stages}

    def run(stage: Stage) -> None:
        reports[stage.name].add(run_stage(stage, connection, **options))

    plan.settle(plan.ordered(stages), connection, run)
    return reports


def names_in_order(stages: Sequence[Stage]) -> list[str]:
    """Names of stages in the order in which they run."""
    return [stage.name for circle in plan.ordered(stages) for stage in circle]
