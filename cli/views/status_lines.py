"""The registry in five lines that a person understands, from what it holds to what to do next.

Reads what `overview` gives and asks nothing itself.
"""

from __future__ import annotations

from typing import Any, Final

from ..display.cells import plural, text_of

Doc = dict[str, Any]
_HELD: Final = ("materials", "compositions", "structures")
_CAMPAIGNS_SHOWN: Final = 4
_DUE_SHOWN: Final = 4
_WRONG_SHOWN: Final = 3
_ENDED: Final = {
    "succeeded": "done",
    "partial": "done in part",
    "running": "still running",
    "failed": "failed",
    "interrupted": "was interrupted",
    "died": "its process died",
}


def five_lines(state: Doc) -> dict[str, str]:
    """What a person wants to know first, by what it is about.

    Parameters
    ----------
    state
        As `overview` gives it.
    """
    return {
        "holds": _holds(state),
        "refreshed": _refreshed(state["refreshed"]) + _backed_up(state["backup"]),
        "due": _due(state["due"]),
        "wrong": _shortened(state["wrong"], _WRONG_SHOWN) or "nothing is wrong",
        "next": next_step(state),
    }


def _holds(state: Doc) -> str:
    numbers = {row["collection"]: row["documents"] for row in state["collections"]}
    held = ", ".join(plural(numbers.get(name, 0), name) for name in _HELD)
    campaigns = [
        f"{row['campaign']} {row['promoted']:,} promoted, {row['waiting']:,} waiting, {row['rejected']:,} rejected"
        for row in state["candidates"]
    ]
    return f"{held}; candidates: {_shortened(campaigns, _CAMPAIGNS_SHOWN) or 'none'}"


def _refreshed(run: Doc | None) -> str:
    if run is None:
        return "never"
    if run["state"] == "running":
        return f"began {text_of(run['started_at'])} UTC, still running"
    when = run.get("ended_at") or run["started_at"]
    return f"{text_of(when)} UTC, {_ENDED.get(run['state'], run['state'])}"


def _backed_up(job: Doc | None) -> str:
    if job is None:
        return ""
    last = f"{text_of(job['succeeded_at'])} UTC" if job.get("succeeded_at") else "none yet"
    return f"; last backup {last}{', a later one failed' if job.get('failures') else ''}"


def _due(due: list[Doc]) -> str:
    parts = []
    for row in due:
        if row["items"] is None:
            parts.append(f"{row['stage']} (what it reads has changed)")
        else:
            parts.append(f"{row['stage']} ({plural(row['items'], row['unit'])})")
    return _shortened(parts, _DUE_SHOWN, ", ") or "nothing is due"


def next_step(state: Doc) -> str:
    """The command that gets furthest from here."""
    run = state["refreshed"]
    if run is not None and run["state"] == "running":
        return "wait for the refresh that runs"
    if state["due"] or (run is not None and run["state"] in ("interrupted", "died", "failed")):
        return "exfolio refresh"
    if state["failures"]:
        return "exfolio query failures says why items failed; once mended: exfolio retry --all"
    if state["quarantine"]:
        return "exfolio query quarantine says what is wrong with the input, and the remedy"
    if not any(row["documents"] for row in state["collections"]):
        return "exfolio ingest FILES, or exfolio demo"
    numbers = {status: sum(row[status] for row in state["candidates"]) for status in ("promoted", "waiting")}
    if numbers["promoted"]:
        return "exfolio query candidates 'status = \"promoted\"'"
    if numbers["waiting"]:
        most = max(state["candidates"], key=lambda row: row["waiting"])
        return f"exfolio export vasp --campaign {most['campaign']} --out calculations, for the values they wait for"
    return "exfolio refresh two-dimensional, or a campaign of your own: exfolio campaign new NAME"


def _shortened(parts: list[str], shown: int, joint: str = "; ") -> str:
    more = len(parts) - shown
    return joint.join(parts[:shown]) + (f"{joint}and {more} more" if more > 0 else "")
