"""Writes processed batches, each in one transaction with all its bookkeeping: orphans, failures, quarantine, state."""

from __future__ import annotations

from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError

from ...stores.bookkeeping import failures, quarantine, stage_states
from ...stores.canonical import NotStorable
from ...stores.writes.products import made_from, made_of_no
from ...stores.writes.writing import FacetWriter
from ...stores.writes.written import Counts, Written
from .batches import Batch, Doc, Failure, Item, Prepared, Refused
from .contract import StageContract


def writers_of(stage: StageContract) -> dict[str, FacetWriter]:
    """Writers of a stage's facets, by collection."""
    fused = stage.fused
    return {
        document.collection_name(): FacetWriter(
            document,
            facet,
            stage.name,
            stage.fingerprint,
            stage.current_run.run_id,
            fused.writers() if fused is not None and fused.document is document else (),
            frozenset(stage.later),
            stage.version,
            stage.current_run.writer_numbers,
        )
        for document, facet in stage.writes.items()
    }


def ready(stage: StageContract, writer: FacetWriter, item: Item, doc: Doc) -> Written:
    """Check and hash one document made from an item.

    Parameters
    ----------
    stage
        Whose document it is.
    writer
        Writer of the facet.
    item
        What it was made from.
    doc
        The document.

    Raises
    ------
    NotStorable
        As `FacetWriter.prepare`.
    """
    return writer.prepare(doc, _origins(item, doc), item.key if stage.notes_group else None)


def prepare(stage: StageContract, batch: Batch) -> Prepared:
    """Check and hash what is to be written of a processed batch; needs no database. Done once."""
    if batch.prepared is not None:
        return batch.prepared
    writers = writers_of(stage)
    prepared = Prepared({name: [] for name in writers})
    for item, outcome in zip(batch.items, batch.outcomes, strict=True):
        if isinstance(outcome, Failure):
            prepared.failed[item.key] = outcome
        elif isinstance(outcome, Refused):
            prepared.refused.append(outcome)
        else:
            try:
                documents = [
                    (name, ready(stage, writers[name], item, doc)) for name, docs in outcome.items() for doc in docs
                ]
            except NotStorable as error:
                prepared.failed[item.key] = Failure(f"can't be stored: {error}")
                continue
            prepared.went_well.append(item)
            for name, doc in documents:
                prepared.documents[name].append(doc)
    prepared.refused += stage.complaints(prepared)
    if stage.fused is not None and batch.followed and stage.share is None:
        stage.fused.follow(prepared.documents[stage.fused.document.collection_name()])
    batch.prepared = prepared
    return prepared


def commit(stage: StageContract, batch: Batch) -> None:
    """Write one processed batch in one transaction."""
    run = stage.current_run
    prepared = prepare(stage, batch)
    stage.sift(prepared)
    writers = writers_of(stage)
    mark = run.mark_reached(batch.ordinal)
    settled = [*(item.key for item in prepared.went_well), *batch.withdrawn]
    had_failures = bool(settled) and not run.first_time and failures.known(run.db, stage.name)

    def work(session: ClientSession) -> Counts:
        stage_states.advance(run.db, stage.name, token=run.token, intervals=batch.intervals, session=session)
        counts = Counts()
        for name, docs in prepared.documents.items():
            counts.add(writers[name].write(run.db.database, docs, session, all_new=run.all_new))
        if stage.fused is not None:
            stage.fused.note(counts.followed, session)
        if not run.first_time:
            for name, writer in writers.items():
                keys = {doc.key for doc in prepared.documents[name]}
                counts.add(_deprecate_orphans(stage, writer, batch, keys, session))
        failures.record(run.db, stage.name, prepared.failed, run_id=run.run_id, session=session)
        if had_failures:
            failures.clear(run.db, stage.name, settled, session=session)
        quarantine.put(run.db, stage.name, prepared.refused, run_id=run.run_id, session=session)
        stage.after_write(batch, session)
        if mark is not None:
            stage.apply_mark(mark, session)
        return counts

    run.all_new = run.all_new and run.first_time
    try:
        counts = run.in_transaction(work)
    except BulkWriteError:
        if not run.all_new:
            raise
        run.all_new = False  # something is there already after all
        counts = run.in_transaction(work)
    _count(stage, prepared, counts)
    run.note_written(batch)


def withdraw_what_has_no_group(stage: StageContract, session: ClientSession) -> int:
    """Deprecate what a former version of a group stage made item by item: no group will ever look for it."""
    database = stage.current_run.db.database
    counts = Counts()
    for writer in writers_of(stage).values():
        if writer.creates and stage.orphans == "by origin":
            reasons = dict.fromkeys(made_of_no(writer, database, "group", session), f"{stage.name} makes it no longer")
            counts.add(writer.deprecate(database, reasons, session))
    return counts.deprecated


def _count(stage: StageContract, prepared: Prepared, counts: Counts) -> None:
    report = stage.current_run.report
    report.inserted += counts.inserted
    report.updated += counts.updated
    report.unchanged += counts.unchanged
    report.deprecated += counts.deprecated
    report.failed += len(prepared.failed)
    report.quarantined += len(prepared.refused)
    if stage.fused is not None:
        stage.fused.count(counts.followed)


def _origins(item: Item, doc: Doc) -> list[Doc]:
    if not item.origins and "origins" not in doc and "made_of" not in doc:
        return []
    further = doc.pop("origins", None) or []
    made_of = doc.pop("made_of", None)  # a document of a group may be made of some members only
    used = item.origins if made_of is None else item.origins_of({item.key, *made_of})
    return [*used, *further]


def _deprecate_orphans(
    stage: StageContract, writer: FacetWriter, batch: Batch, made: set[str], session: ClientSession
) -> Counts:
    """Deprecate what was made from items that are withdrawn, or that no longer give it.

    Parameters
    ----------
    made
        Keys of the documents of this batch.
    """
    reasons: dict[str, str] = {}
    if stage.orphans == "by key":
        reasons = {key: reason for key, reason in batch.withdrawn.items() if key not in made}
    elif stage.orphans == "by origin" and writer.creates:
        looked_at = [item.key for item in batch.prepared.went_well] if batch.prepared is not None else []
        database = stage.current_run.db.database
        earlier = made_from(writer, database, [*looked_at, *batch.withdrawn], session, besides=made)
        for key, products in earlier.items():
            why = batch.withdrawn.get(key, f"no longer made from {key}")
            reasons |= dict.fromkeys(products, why)
    return writer.deprecate(stage.current_run.db.database, reasons, session) if reasons else Counts()
