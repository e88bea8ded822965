"""Brings results of units of work into the registry, as the stage itself would have written them.

The stage selects what is due, as in any run, and takes what it would have computed from the files. So a result counts
once, one whose item has changed meanwhile is not taken, and what has no result yet stays due.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Final

from ....stores.bookkeeping.runs import StageReport
from ....stores.connection import Connection
from ....stores.errors import ConfigurationError
from ..batches import Batch, Item, Outcome
from ..execution.runner import Progress, run_stage
from ..execution.worker_side import unlike, versions
from ..stage import Stage
from .folder import Damaged, WorkFolder, digest

_HELD: Final = 4
"""Units whose results are in memory at once: items are due in about the order in which they were exported."""


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
    results = _Results(folder)
    for unit in folder.units:
        if not folder.has_result(unit):
            imported.without.append(unit)
            continue
        try:
            outcomes = dict(folder.result(unit, versions()))
            if not all(_is_of(stage, outcome) for outcome in outcomes.values()):
                raise Damaged(f"unit {unit}: its result has documents that {stage.name} does not write")
            results.unit_of |= dict.fromkeys(outcomes, unit)
        except Damaged as damaged:
            imported.refused[unit] = damaged.message

    def taken(stage: Stage) -> Generator[Batch, None, None]:
        for batch in stage.get_items():
            outcomes = [results.of(item) for item in batch.items]
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


@dataclass
class _Results:
    """Results of the units of a folder, read when their items are due.

    Attributes
    ----------
    unit_of
        By key and hash of an item, the unit whose result it is in.
    """

    folder: WorkFolder
    unit_of: dict[tuple[str, str], int] = field(default_factory=dict)
    _held: dict[int, dict[tuple[str, str], Outcome]] = field(default_factory=dict)

    def of(self, item: Item) -> Outcome | None:
        """Outcome of an item as it is now; None where none was computed."""
        known_by = item.key, digest(item)
        unit = self.unit_of.get(known_by)
        if unit is None:
            return None
        if unit not in self._held:
            if len(self._held) >= _HELD:
                del self._held[next(iter(self._held))]
            self._held[unit] = dict(self.folder.result(unit, versions()))
        return self._held[unit].get(known_by)


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
