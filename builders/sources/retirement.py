"""Retires what a source no longer has: with a reason, in batches, and never on the strength of an accident.

Shared by the stages that bring in sources; it knows no file, no server and how no source is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from ...stores.documents import RegistryDocument
from ...stores.errors import CannotRunError
from ...stores.writing import FacetWriter
from ..engine.stage import Stage


class SourceShrank(CannotRunError):
    """A source lost more of its records than it may; nothing was retired."""


def check_loss(source: str, collection: str, *, missing: int, total: int, allowed: float) -> None:
    """Refuse to believe that a source lost more than a share of what it had.

    Parameters
    ----------
    source, collection
        Names, for the message.
    missing, total
        Records that are no longer there, and that were there before.
    allowed
        Largest share that is believed, 0 to 1.

    Raises
    ------
    SourceShrank
        It lost more.
    """
    if total and missing > allowed * total:
        raise SourceShrank(
            f"source {source} no longer has {missing:,} of its {total:,} records in "
            f"{collection}; more than {allowed:.0%} is not believed",
            "Look at the source. If the loss is real, run the same command with --accept-loss.",
        )


def reason_of_loss(source: str, version: str | None) -> str:
    """Reason why a record is retired, with the release that no longer has it where that is known."""
    return f"no longer in source {source}" + (f", version {version}" if version else "")


def writer_of(stage: Stage, document: type[RegistryDocument]) -> FacetWriter:
    """Writer of the facet that a stage writes of a collection."""
    return FacetWriter(document, stage.writes[document], stage.name, stage.fingerprint, stage.current_run.run_id)


def retire(stage: Stage, document: type[RegistryDocument], reasons: Mapping[str, str]) -> None:
    """Deprecate documents, each with its reason, a batch to a transaction, and count them in the stage's report."""
    writer = writer_of(stage, document)
    keys: Sequence[str] = list(reasons)
    for start in range(0, len(keys), stage.size):
        batch = {key: reasons[key] for key in keys[start : start + stage.size]}
        counts = stage.current_run.in_transaction(partial(writer.deprecate, stage.db.database, batch))
        stage.report.deprecated += counts.deprecated
