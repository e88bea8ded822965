"""The funnel of a campaign: how many compositions and structures reach and pass each of its gates."""

from __future__ import annotations

from typing import Any, Final

from pymongo.collection import Collection

from ...stores.connection import Connection
from ...stores.documents.candidate import OPEN_LETTER, VERDICT_LETTERS, letters_of
from ...stores.query.counting import count_quickly
from ...stores.query.patience import patiently
from .campaigns.gate_outline import Judging
from .composition_view import composition_view

OPEN: Final = "undecided"
"""Verdict of a gate whose value is known to lie within an interval that does not decide."""
_VERDICTS: Final = {letter: verdict for verdict, letter in VERDICT_LETTERS.items()} | {OPEN_LETTER: "unknown"}


@patiently
def count_compositions(connection: Connection, campaign: Judging) -> list[dict[str, Any]]:
    """Count generated compositions gate by gate, as `count` does candidates; nothing where the campaign draws none."""
    view = composition_view(connection, campaign.name)
    if campaign.compositions is None or view is None:
        return []
    collection = connection.database["compositions"]
    mine = view.criteria()

    def ended(where: str, gate: str) -> int:
        # In short what a group of all by gate gives: each number comes from an index alone where there is one.
        status = {view.path("status"): "waiting"} if where == "waiting_for" else {}
        return collection.count_documents({**status, view.path(where): gate, **mine})

    reached = count_quickly(collection, mine, time_ms=0).number if view.alone else collection.count_documents(mine)
    rows = []
    for gate in campaign.compositions.gates:
        out_here, unknown = ended("rejected_by", gate.name), ended("waiting_for", gate.name)
        row = {"gate": gate.name, "field": gate.field, "condition": gate.condition, "reached": reached}
        row |= {"passed": reached - out_here - unknown, "rejected": out_here, "unknown": unknown}
        row |= {OPEN: 0, "not_applicable": 0}
        rows.append(row)
        reached -= out_here
    return rows


@patiently
def count(connection: Connection, campaign: Judging) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Count candidates gate by gate.

    Returns
    -------
    rows, totals
        Per gate: ``gate``, ``condition``, ``reached``, ``passed``, ``rejected``, ``unknown``, how many of these have a
        bound or an interval that does not decide (``undecided``), ``not_applicable``.
        Totals: ``candidates``, ``promoted``, ``waiting``, ``rejected``.
    """
    query = {"campaign": campaign.name, "deprecated": False}
    collection = connection.database["candidates"]
    by_verdict: dict[int, dict[str, int]] = {}
    totals = dict.fromkeys(("candidates", "promoted", "waiting", "rejected"), 0)
    for group in _by_verdicts(collection, query):
        verdicts = [_VERDICTS[letter] for letter in group["_id"]]
        number = group["n"]
        totals["candidates"] += number
        totals["rejected" if "failed" in verdicts else "waiting" if "unknown" in verdicts else "promoted"] += number
        # A candidate reaches a gate when it has failed none before it.
        for i, verdict in enumerate(verdicts):
            tally = by_verdict.setdefault(i, {})
            tally["reached"] = tally.get("reached", 0) + number
            tally[verdict] = tally.get(verdict, 0) + number
            tally[OPEN] = tally.get(OPEN, 0) + number * (group["_id"][i] == OPEN_LETTER)
            if verdict == "failed":
                break
    rows = []
    for i, gate in enumerate(campaign.gates):
        counts = by_verdict.get(i, {})
        rows.append(
            {
                "gate": gate.name,
                "field": gate.field,
                "condition": gate.condition,
                "reached": counts.get("reached", 0),
                "passed": counts.get("passed", 0),
                "rejected": counts.get("failed", 0),
                "unknown": counts.get("unknown", 0),
                "undecided": counts.get(OPEN, 0),
                "not_applicable": counts.get("not-applicable", 0),
            }
        )
    return rows, totals


def _by_verdicts(collection: Collection[dict[str, Any]], query: dict[str, Any]) -> list[dict[str, Any]]:
    """Numbers of candidates by the letters of their verdicts; from an index alone, as gates are 5 kB of each."""

    def counted(those: dict[str, Any], letters: Any) -> list[dict[str, Any]]:
        return collection.aggregate([{"$match": those}, {"$group": {"_id": letters, "n": {"$sum": 1}}}]).to_list()

    groups = counted(query, "$gate_verdicts")
    if any(group["_id"] is None for group in groups):  # judged by an earlier version
        groups = [group for group in groups if group["_id"] is not None]
        groups += counted({**query, "gate_verdicts": None}, letters_of("$gates"))
    return groups
