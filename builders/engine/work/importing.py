"""Brings results of units of work into the registry, as the stage itself would have written them.

The stage selects what is due, as in any run, and takes what it would have computed from the files. So a result counts
once, one whose item has changed meanwhile is not taken, and what has no result yet stays due.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from ....stores.bookkeeping.runs import StageReport
from ....stores.connection import Connection
from ....stores.errors import ConfigurationError
from ..batches import Batch, Outcome
from ..execution.runner import Progress, run_stage
from ..execution.worker_side import unlike, versions
from ..stage import Stage
from .folder import Damaged, WorkFolder, digest


@dataclass
class Imported:
    """What came of an import.

    Attributes
    ----------
    report
        What the stage wrote.
    taken
        Items that a result was taken for.
    left
        Items that are due still: no unit has a result for them, or they have changed since.
    without
        Units that have no result yet.
    refused
        By unit, what is wrong with its result.
    """

    report: StageReport
    taken: int = 0
    left: int = 0
    without: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)


def bring_in(stage: Stage, connection: Connection, folder: WorkFolder, *, progress: Progress | None = None) -> Imported:
    """Write the results that a folder holds.

    Parameters
    ----------
    stage
        The stage of the work, fresh, with the settings of now.
    connection
        The registry.
    folder
        The work, with results.
    progress
        Called after every batch.

    Raises
    ------
    ConfigurationError
        The work is of other settings, another model, or another version of exfolio.
    LeaseHeld
        Another process runs the stage.
    """
    manifest = folder.manifest
    if why := unlike(manifest["versions"], versions()):
        raise ConfigurationError(f"{folder.path} was exported by {why}", "Export the work again.")
    stage.fused = None
    stage.use(connection)
    stage.before_run()
    if stage.fingerprint != manifest["fingerprint"]:
        raise ConfigurationError(
            f"{folder.path} was exported for other settings of {stage.name}, or another model, than hold now",
            "Export the work again.",
        )
    imported = Imported(stage.report)
    found: dict[tuple[str, str], Outcome] = {}
    for unit in folder.units:
        if not folder.has_result(unit):
            imported.without.append(unit)
            continue
        try:
            outcomes = dict(folder.result(unit, versions()))
            if not all(_is_of(stage, outcome) for outcome in outcomes.values()):
                raise Damaged(f"unit {unit}: its result has documents that {stage.name} does not write")
            found.update(outcomes)
        except Damaged as damaged:
            imported.refused[unit] = damaged.message

    def taken(stage: Stage) -> Generator[Batch, None, None]:
        for batch in stage.get_items():
            outcomes = [found.get((item.key, digest(item))) for item in batch.items]
            known = [outcome for outcome in outcomes if outcome is not None]
            if len(known) < len(outcomes):  # a batch is written whole
                imported.left += len(outcomes)
                stage.put_off = True
                continue
            batch.outcomes = known
            imported.taken += len(known)
            yield batch

    imported.report = run_stage(
        stage, connection, batch_size=int(manifest["batch_size"]), progress=progress, compute=taken
    )
    return imported


def _is_of(stage: Stage, outcome: Outcome) -> bool:
    """Whether documents have the form of those that the stage makes; what fields hold the registry checks."""
    if not isinstance(outcome, dict):
        return True
    forms = {
        document.collection_name(): (document, document.said_in(facet)) for document, facet in stage.writes.items()
    }
    for name, documents in outcome.items():
        if name not in forms:
            return False
        document, said = forms[name]
        allowed = {document.KEY, "origins", "made_of", *said}
        if not all(
            isinstance(one, dict)
            and document.KEY in one
            and allowed.issuperset(name for name in one if one[name] is not None)
            for one in documents
        ):
            return False
    return True
