"""``exfolio funnel`` and ``exfolio why``: where candidates fall out, and why one did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from ...builders.candidates.composition_view import composition_view
from ...builders.candidates.gate_outline import CampaignOutline, Judging, outlines
from ...builders.candidates.gates import pass_through
from ...models.composition.formula.chemists_formula import chemists_formula
from ...stores.connection import Connection, connect
from ...stores.documents import Candidate
from ...stores.errors import ConfigurationError
from ...stores.query.counting import count_quickly
from ..display.cells import in_words, text_of
from ..display.console import JsonOption, begin, out, print_json
from ..display.layer_verdicts import layer_verdict, print_layer_verdict
from ..display.tables import print_table

_USUAL = "two-dimensional"
_BAR = 30
_OPEN = "undecided"
"""Verdict, in the funnel, of a gate whose value is known to lie within an interval that does not decide."""
_LEAST_BAR = 4
_MARKS = {"passed": "[green]✓[/]", "failed": "[red]✗[/]", "unknown": "[yellow]?[/]", "not-applicable": "[dim]–[/]"}


def register(app: typer.Typer) -> None:
    """Add ``funnel`` and ``why`` to the app."""
    app.command()(funnel)
    app.command()(why)


def funnel(
    campaign: Annotated[
        str | None,
        typer.Argument(
            help="Name of the campaign; two-dimensional, or the one there is, without.",
            show_default=False,
        ),
    ] = None,
    *,
    json: JsonOption = False,
) -> None:
    """Show how many candidates reach and pass each gate of a campaign.

    Example: exfolio funnel two-dimensional
    """
    with connect(begin()) as connection:
        chosen = _campaign(connection, campaign)
        drawn = count_compositions(connection, chosen)
        rows, totals = count(connection, chosen)
    if json:
        print_json({"campaign": chosen.name, "compositions": drawn, "gates": rows, **totals})
    else:
        print_funnels(drawn, rows, totals)


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
        row |= {_OPEN: 0, "not_applicable": 0}
        rows.append(row)
        reached -= out_here
    return rows


def print_funnels(
    compositions: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]], totals: dict[str, int]
) -> None:
    """Print the funnel of generated compositions, where there are any, and that of structures."""
    if compositions and compositions[0]["reached"]:
        out.print("[bold]Generated compositions[/]")
        print_gates(compositions)
        out.print()
        out.print("[bold]Structures[/]")
    print_funnel(rows, totals)


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
    unknown, has_value = {"$eq": ["$$this.verdict", "unknown"]}, {"$ne": [{"$type": "$$this.value"}, "missing"]}
    verdict_of = {"$cond": [{"$and": [unknown, has_value]}, _OPEN, "$$this.verdict"]}
    pipeline: list[dict[str, Any]] = [
        {"$match": query},
        {"$project": {"verdicts": {"$map": {"input": "$gates", "in": verdict_of}}}},
        {"$group": {"_id": "$verdicts", "n": {"$sum": 1}}},
    ]
    totals = dict.fromkeys(("candidates", "promoted", "waiting", "rejected"), 0)
    for group in collection.aggregate(pipeline):
        verdicts = ["unknown" if verdict == _OPEN else verdict for verdict in group["_id"]]
        number = group["n"]
        totals["candidates"] += number
        totals["rejected" if "failed" in verdicts else "waiting" if "unknown" in verdicts else "promoted"] += number
        # A candidate reaches a gate when it has failed none before it.
        for i, verdict in enumerate(verdicts):
            tally = by_verdict.setdefault(i, {})
            tally["reached"] = tally.get("reached", 0) + number
            tally[verdict] = tally.get(verdict, 0) + number
            tally[_OPEN] = tally.get(_OPEN, 0) + number * (group["_id"][i] == _OPEN)
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
                "undecided": counts.get(_OPEN, 0),
                "not_applicable": counts.get("not-applicable", 0),
            }
        )
    return rows, totals


def print_funnel(rows: Sequence[dict[str, Any]], totals: dict[str, int]) -> None:
    """Print a funnel as a table with bars, and what the candidates came to."""
    print_gates(rows)
    if undecided := [f"{row['gate']} {row[_OPEN]:,}" for row in rows if row[_OPEN]]:
        out.print(f"[dim]unknown though a bound or an interval is known: {escape(', '.join(undecided))}[/]")
    out.print(
        f"{totals['candidates']:,} candidates: [green]{totals['promoted']:,} promoted[/], "
        f"[yellow]{totals['waiting']:,} waiting for a value[/], [red]{totals['rejected']:,} rejected[/]"
    )


def print_gates(rows: Sequence[dict[str, Any]]) -> None:
    """Print gates as a table, with bars where there is room beside the numbers."""
    rows = [
        row for row in rows if not row["reached"] or row["reached"] != row["not_applicable"]
    ]  # no route nobody took
    table = _table_of_gates(rows)
    room = out.width - Measurement.get(out, out.options.update(max_width=10_000), table).maximum - 1
    print_table(_table_of_gates(rows, min(_BAR, room)) if room >= _LEAST_BAR else table)


def _table_of_gates(rows: Sequence[dict[str, Any]], bar: int = 0) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("gate", no_wrap=True)
    table.add_column("condition", style="dim", no_wrap=True)
    for name in ("reached", "passed", "rejected", "unknown"):
        table.add_column(name, justify="right", no_wrap=True)
    if bar:
        table.add_column("", no_wrap=True)
    most = max((row["reached"] for row in rows), default=0) or 1
    for row in rows:
        numbers = (f"{row[name]:,}" for name in ("reached", "passed", "rejected", "unknown"))
        bars = [f"[cyan]{'█' * round(bar * row['reached'] / most)}[/]"] if bar else []
        table.add_row(row["gate"], row["condition"], *numbers, *bars)
    return table


def why(
    identity: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="A candidate or a structure, or the beginning of its id; a formula; or a known material.",
        ),
    ],
    *,
    json: JsonOption = False,
) -> None:
    """Say why a candidate or a composition was promoted, rejected, or waits: every gate with its value.

    Of a known material it says why it is layered, or why not.

    Examples
    --------
      exfolio why two-dimensional/st-1890e1f5735df206

      exfolio why MoSSe

      exfolio why handbook:Al2O3-corundum
    """
    with connect(begin()) as connection:
        if material := layer_verdict(connection, identity):
            print_json([material]) if json else print_layer_verdict(material)
            return
        verdicts = _compositions(connection, identity) or _candidates(connection, identity)
        for doc in verdicts:
            _add_warnings(connection, doc)
            if doc.get("novelty_class"):
                doc["compared_with"] = sorted(connection.database["materials"].distinct("source"))
            doc["made"] = _made(connection, doc.get("known_as") or [])
            if doc.get("route") == "top-down":
                doc["bulk"] = layer_verdict(connection, doc.get("parent_id"))
    if json:
        print_json([{key: value for key, value in doc.items() if key not in ("_id", "structure")} for doc in verdicts])
        return
    for doc in verdicts:
        print_verdict(doc)


def print_verdict(doc: dict[str, Any]) -> None:
    """Print every gate of one candidate."""
    colour = {"promoted": "green", "waiting": "yellow", "rejected": "red"}[doc["status"]]
    because = doc.get("rejected_by") or doc.get("waiting_for")
    word = {"rejected": "by", "waiting": "for", "promoted": ""}[doc["status"]]
    reason = f" {word} {because}" if because else ""
    formula = chemists_formula(doc["formula_reduced"])
    name = doc["candidate_id"]
    if name.endswith(f"/{doc['formula_reduced']}"):  # a composition
        name = f"{name.removesuffix(doc['formula_reduced'])}{formula}"
    out.print(
        f"[bold]{escape(name)}[/]  {formula}, {doc.get('route', '')} "
        f"from {escape(str(doc.get('parent_id', '')))}: [{colour}]{doc['status']}{reason}[/]",
        soft_wrap=True,
    )
    table = Table(box=None, show_header=False, pad_edge=False)
    for _ in range(4):
        table.add_column()
    for gate in doc["gates"]:
        value = gate.get("value")
        low, high = gate.get("low"), gate.get("high")
        shown = "not known yet" if value is None else f"{value:.4g}" if isinstance(value, float) else _yes_no(value)
        if value is not None and (low is not None or high is not None):
            shown = in_words(value, low, high)
        if gate["verdict"] == "not-applicable":
            of_element = doc.get("nelements") == 1 and gate["field"].endswith("formation_energy")
            shown = "says nothing of an element" if of_element else f"does not concern the {doc.get('route')} route"
        method = doc.get("methods", {}).get(gate["field"].removeprefix("values."), "")
        table.add_row(
            f"  {_MARKS[gate['verdict']]}",
            gate["name"],
            f"{shown}  [dim]{gate['condition']}[/]",
            f"[dim]{escape(method)}[/]",
        )
    print_table(table)
    for warning in dict.fromkeys(warning for gate in doc["gates"] for warning in gate.get("warnings", ())):
        out.print(f"  [yellow]![/] [dim]{escape(warning)}[/]", soft_wrap=True)
    for line in _beside(doc):
        out.print(f"  [dim]{escape(line)}[/]", soft_wrap=True)
    if doc.get("bulk"):
        print_layer_verdict(doc["bulk"])
    for earlier in doc.get("history", []):
        before = earlier.get("rejected_by") or earlier.get("waiting_for") or ""
        when = text_of(datetime.fromisoformat(earlier["judged_at"]))
        out.print(f"  [dim]before (judged {when} UTC): {earlier['status']} {before}[/]", soft_wrap=True)


def _beside(doc: dict[str, Any]) -> Iterator[str]:
    """What is known beside the gates: how new it is and to whom, and what is known of its composition alone."""
    if name := doc.get("novelty_class"):
        beside = f" ({', '.join(doc['novelty_beside'])})" if doc.get("novelty_beside") else ""
        sources = doc.get("compared_with")
        yield f"{name}{beside}" + (f", beside {len(sources)} sources: {', '.join(sources)}" if sources else "")
    for material in doc.get("made") or ():
        told = (material.get("synthesis_method"), material.get("reference"))
        yield f"made: {material['material_id']}, {', '.join(part for part in told if part)}".rstrip(", ")
    for kind, known in (doc.get("context") or {}).items():
        value = f"{known['value']:.4g} {getattr(Candidate._fields.get(kind), 'unit', '')}".rstrip()
        yield f"of the composition, whatever its structure: {kind.replace('_', ' ')} {value}, {known['method']}"


def _made(connection: Connection, known_as: list[str]) -> list[dict[str, Any]]:
    """Of the materials that a candidate is known as those that have been made: how, and by whom."""
    told = {"_id": 0, "material_id": 1, "synthesis_method": 1, "reference": 1}
    query = {"material_id": {"$in": known_as}, "synthesised": True}
    return list(connection.database["materials"].find(query, told).sort("material_id")) if known_as else []


def _compositions(connection: Connection, identity: str) -> list[dict[str, Any]]:
    """Give a generated composition as every campaign that draws some judges it."""
    from ...models.composition.formula.formulas import describe  # half a second, for those who ask why

    try:
        formula = describe(identity).reduced
    except ValueError:  # no formula, so it has to be an id
        return []
    hidden = {"_id": 0, "facets": 0, "origins": 0}
    composition = connection.database["compositions"].find_one(
        {"formula_reduced": formula, "deprecated": False}, hidden
    )
    if composition is None:
        return []
    verdicts = []
    for campaign in outlines(connection):
        view = composition_view(connection, campaign.name)
        if (
            campaign.compositions is None
            or view is None
            or view.drawn_by not in composition.get("made_by", [view.drawn_by])
        ):
            continue
        said = view.as_said(composition)
        methods = {"p_2d": said.get("p_2d_model"), "predicted_formation_energy": said.get("energy_model")}
        verdicts.append(
            {
                **said,
                "candidate_id": f"{campaign.name}/{formula}",
                "route": "drawn",
                "parent_id": composition.get("generator"),
                "methods": {name: method for name, method in methods.items() if method},
                **pass_through(campaign.compositions.gates, said),
            }
        )
    return verdicts


def _add_warnings(connection: Connection, doc: dict[str, Any]) -> None:
    """Put to each gate on a value what warns of that value, or why there is none."""
    told = {"$or": [{"warnings.0": {"$exists": True}}, {"refused": {"$exists": True}}]}
    query = {"structure_id": doc.get("structure_id"), "deprecated": False, **told}
    for warned in connection.database["properties"].find(query) if doc.get("structure_id") else ():
        for gate in doc["gates"]:
            if gate["field"].removeprefix("values.") != warned["kind"]:
                continue
            if "refused" in warned and gate.get("value") is None:
                gate["warnings"] = [*gate.get("warnings", []), f"{warned['method']}: {warned['refused']}"]
            same = "value" in gate and gate["value"] == warned.get("value")
            if same and doc.get("methods", {}).get(warned["kind"], "").startswith(warned["method"]):
                gate["warnings"] = warned["warnings"]


def _yes_no(value: object) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _candidates(connection: Connection, identity: str) -> list[dict[str, Any]]:
    collection = connection.database["candidates"]
    exact = list(collection.find({"$or": [{"candidate_id": identity}, {"structure_id": identity}]}))
    if exact:
        return exact
    upper = identity[:-1] + chr(ord(identity[-1]) + 1) if identity else identity
    among = {"$gte": identity, "$lt": upper}
    candidates = list(collection.find({"$or": [{"candidate_id": among}, {"structure_id": among}]}).limit(10))
    if not candidates:
        raise ConfigurationError(
            f"no candidate is called {identity!r}", "List some: exfolio query candidates --limit 20"
        )
    if len({doc["structure_id"] for doc in candidates}) > 1:
        names = ", ".join(doc["candidate_id"] for doc in candidates[:5])
        raise ConfigurationError(f"{identity!r} may be several candidates: {names} …", "Give more of the id.")
    return candidates


def _campaign(connection: Connection, name: str | None) -> CampaignOutline:
    known = {campaign.name: campaign for campaign in outlines(connection)}
    if name is None:
        likely = [*(other for other in known if other.startswith(_USUAL)), *known]
        name = _USUAL if _USUAL in known or not likely else likely[0]
    if name not in known:
        from ...builders.candidates.campaign import load  # a second of imports, to explain

        load(name)  # says what is wrong where there is none of that name
        raise ConfigurationError(
            f"campaign {name} has not been refreshed in this registry", f"Refresh it: exfolio refresh {name}"
        )
    return known[name]
