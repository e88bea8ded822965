"""``exfolio demo``: the main job on the bundled sources, and what came out of it."""

from __future__ import annotations

import time
from typing import Any

import typer
from rich.markup import escape
from rich.measure import Measurement
from rich.panel import Panel
from rich.table import Table

from ....builders.candidates.campaigns.bundled import SUFFIX, for_bundled_sources
from ....builders.candidates.campaigns.gate_outline import Judging
from ....builders.candidates.composition_view import composition_view
from ....builders.candidates.funnel import count, count_compositions
from ....builders.candidates.known import load_campaigns
from ....builders.candidates.shortlist import promoted_first
from ....builders.engine.execution.worker_processes import FOR_LEARNING, FOR_REFRESH, start_early
from ....builders.training.shipped.learnt_compositions import number_learnt
from ....models.calculation.methods import Level, parse_method
from ....models.composition.formula.chemists_formula import chemists_formula
from ....stores.connection import Connection, connect
from ....stores.query.language.fields import fields_of
from ....stores.query.language.intervals import end_of, ends
from ...display.cells import end_text, text_of, with_interval
from ...display.console import JsonOption, begin, err, out, print_indented, print_json
from ...display.tables import print_table
from ...views.demo_crystals import generated_crystals, print_crystals
from ..asking.funnel import print_funnels
from .refresh import run_refresh

_CAMPAIGN = f"two-dimensional{SUFFIX}"
_CAMPAIGNS = ("two-dimensional", "mg-mn-o-photoanode")
_SHOWN = 12
_COMPOSITIONS_SHOWN = 5
_COMPOSITIONS_LOOKED_AT = 200
_METHODS_SHOWN = 2
_FAR = 1e9  # eV/atom, stands for a hull distance that is not known, so that those that are come first
_HIDDEN = ("_id", "structure", "facets", "origins", "history")
_LONGEST_NAME = 18
_SHORT_ID = 10  # the beginning of an id is enough for `show` and `why`
_NEXT = (
    ("exfolio serve", "all of it in a browser, at http://127.0.0.1:8000"),
    ("exfolio funnel", "where candidates fall out, gate by gate"),
    ("exfolio query 'elements HAS \"Mo\" AND _exfolio_thickness < 5'", "ask in OPTIMADE's filter language"),
    ("exfolio show {candidate}", "everything about one, with where it comes from"),
    ("exfolio why {rejected}", "why it fell out"),
    ("exfolio export candidates 'status = \"{status}\"' --format cif --out shortlist", "the structures as files"),
    (f"exfolio export vasp --campaign {_CAMPAIGN} --out calculations", "VASP input for the values they wait for"),
    ("exfolio ingest my-structures/ --source my-lab", "add your own CIF and POSCAR files"),
    ("exfolio refresh", "bring everything up to date; run again, nothing is done twice"),
)


def register(app: typer.Typer) -> None:
    """Add ``demo`` to the app."""
    app.command()(demo)


def demo(*, json: JsonOption = False) -> None:
    """Run the shipped campaigns on the bundled sources and show the funnel and the best candidates.

    Needs no key, no file and no server: the embedded MongoDB is started. Run again, it finds nothing to do.

    Example: exfolio demo
    """
    settings = begin()
    started = time.perf_counter()
    if settings.processes > 1:
        start_early([*FOR_REFRESH, *FOR_LEARNING])
    campaigns = [for_bundled_sources(campaign) for campaign in load_campaigns(_CAMPAIGNS)]
    with connect(settings, autostart=True) as connection:
        if not json:
            err.print(f"Registry: {connection.describe()}", soft_wrap=True)
            err.print(f"Refreshing campaigns {', '.join(one.name for one in campaigns)} …")
        report = run_refresh(connection, campaigns, processes=settings.processes, quiet=json)
        drawn = count_compositions(connection, campaigns[0])
        rows, totals = count(connection, campaigns[0])
        compositions = _best_compositions(connection)
        generated = generated_crystals(connection)
        shortlist = _surest(connection, campaigns[0])
        promising = _most_promising(connection)
        rejected = _one_of_each_gate(connection)
        seconds = time.perf_counter() - started
        if json:
            found = {
                "compositions": drawn,
                "funnel": rows,
                **totals,
                "shortlist": shortlist,
                "most_promising": promising,
                "best_compositions": compositions,
                "generated_crystals": generated,
            }
            print_json({**found, "rejected_by_gate": rejected, "seconds": seconds})
        else:
            _print(drawn, rows, totals, compositions, generated, shortlist, promising, rejected, seconds)
    if report is not None and report.exit_code:
        raise typer.Exit(report.exit_code)


def _best_compositions(connection: Connection) -> list[dict[str, Any]]:
    """Compositions that passed every gate, each with its candidates: those with some, then the likeliest 2D first."""
    view = composition_view(connection, _CAMPAIGN)
    if view is None:
        return []
    pipeline: list[dict[str, Any]] = [
        {"$match": {**view.criteria(), view.path("status"): "promoted"}},
        {"$sort": {view.path("p_2d"): -1, "formula_reduced": 1}},
        {"$limit": _COMPOSITIONS_LOOKED_AT},
        {"$unset": ["_id", "facets", "origins"]},
        {
            "$lookup": {
                "from": "candidates",
                "localField": "formula_reduced",
                "foreignField": "formula_reduced",
                "pipeline": [
                    {"$match": {"campaign": _CAMPAIGN, "route": "template", "deprecated": False}},
                    {"$set": {"far": {"$ifNull": ["$formation_energy", _FAR]}}},
                    {"$sort": {"far": 1, "structure_id": 1}},
                    {"$project": {"_id": 0, "structure_id": 1, "formation_energy": 1, "space_group": 1, "status": 1}},
                ],
                "as": "candidates",
            }
        },
        {"$set": {"without": {"$eq": ["$candidates", []]}}},
        {"$sort": {"without": 1, view.path("p_2d"): -1, "formula_reduced": 1}},
        {"$limit": _COMPOSITIONS_SHOWN},
        {"$unset": "without"},
    ]
    return [view.as_said(doc) for doc in connection.database["compositions"].aggregate(pipeline)]


def _surest(connection: Connection, campaign: Judging) -> list[dict[str, Any]]:
    """Promoted candidates, those first that are farthest from failing any gate on an energy."""
    return promoted_first(connection, campaign, dict.fromkeys(_HIDDEN, 0))[:_SHOWN]


def _most_promising(connection: Connection) -> list[dict[str, Any]]:
    """Waiting candidates with the fewest open gates, then with the fewest of which nothing is known, then by hull."""
    unknown = {"$filter": {"input": "$gates", "cond": {"$eq": ["$$this.verdict", "unknown"]}}}
    # A bound is better than nothing.
    blind = {"$filter": {"input": unknown, "cond": {"$eq": [{"$type": "$$this.value"}, "missing"]}}}
    most = end_of(fields_of("candidates").get("energy_above_hull"), "high")
    ranks = {
        "open": {"$size": unknown},
        "blind": {"$size": blind},
        # What is certainly near the hull goes first, then what may be; to lie far below is as odd as far above.
        "above": {"$max": [0, {"$min": [{"$ifNull": [most, _FAR]}, _FAR]}]},
        "least": {"$abs": {"$ifNull": ["$energy_above_hull", _FAR]}},
    }
    pipeline: list[dict[str, Any]] = [
        {"$match": {"campaign": _CAMPAIGN, "status": "waiting", "deprecated": False}},
        {"$set": {"ranks": ranks}},
        {"$sort": {**{f"ranks.{name}": 1 for name in ranks}, "candidate_id": 1}},
        {"$limit": _SHOWN},
        {"$unset": [*_HIDDEN, "ranks"]},
    ]
    return list(connection.database["candidates"].aggregate(pipeline))


def _one_of_each_gate(connection: Connection) -> list[dict[str, Any]]:
    collection = connection.database["candidates"]
    query = {"campaign": _CAMPAIGN, "status": "rejected", "deprecated": False}
    found = []
    for gate in collection.distinct("rejected_by", query):
        hidden = {"_id": 0, "structure": 0, "facets": 0, "origins": 0, "history": 0}
        number = collection.count_documents({**query, "rejected_by": gate})
        example = collection.find_one({**query, "rejected_by": gate}, hidden, sort=[("candidate_id", 1)])
        found.append({"gate": gate, "number": number, "example": example})
    return sorted(found, key=lambda one: -one["number"])


def _print(
    drawn: list[dict[str, Any]],
    rows: list[dict[str, Any]],
    totals: dict[str, int],
    compositions: list[dict[str, Any]],
    generated: list[dict[str, Any]],
    shortlist: list[dict[str, Any]],
    promising: list[dict[str, Any]],
    rejected: list[dict[str, Any]],
    seconds: float,
) -> None:
    out.print()
    out.rule(f"[bold]Funnel of campaign {_CAMPAIGN}[/]", align="left")
    print_funnels(drawn, rows, totals)
    if compositions:
        out.print()
        out.rule("[bold]The best new compositions[/]", align="left")
        for one in compositions:
            print_indented(out, _of_composition(one))
        out.print(
            f"new: neither among the materials here nor among the {number_learnt():,} compositions, nearly all of the "
            "Materials Project's and lists of 2D materials, that the models have learnt from",
            style="dim",
        )
    if shortlist:
        out.print()
        out.rule(f"[bold]The best candidates[/] ({_promoted_by(shortlist)})", align="left")
        print_table(_fitting_table(shortlist))
    if promising and len(shortlist) < _SHOWN:
        reasons = ", ".join(sorted({one["waiting_for"] for one in promising}))
        out.print()
        out.rule(f"[bold]The most promising[/] (waiting for: {escape(reasons)})", align="left")
        print_table(_fitting_table(promising))
    print_crystals(generated)
    if rejected:
        out.print()
        out.rule("[bold]Why others fell out[/]", align="left")
        for one in rejected:
            print_indented(out, _reason(one))
    best = [*shortlist, *promising]
    example = best[0]["candidate_id"] if best else "ID"
    words = {
        "candidate": example,
        "rejected": rejected[0]["example"]["candidate_id"] if rejected else example,
        "status": best[0]["status"] if best else "promoted",
    }
    lines = [f"[cyan]{escape(command.format(**words))}[/]\n    {text}" for command, text in _NEXT]
    out.print()
    out.print(Panel("\n".join(lines), title=f"Done in {seconds:.0f} s. Try next", title_align="left"))


def _of_composition(one: dict[str, Any]) -> str:
    energy, spread = one.get("predicted_formation_energy"), one.get("predicted_formation_energy_std")
    predicted = "" if energy is None else f", E form {energy:.2f} ± {spread or 0:.2f} eV/atom by its composition"
    why = f"; no structure: {one['template_refused']}" if one.get("template_refused") else ""
    if structures := one["candidates"]:
        best = structures[0]
        group = best.get("space_group", {}).get("symbol", "?")
        calculated = best.get("formation_energy")
        lowest = "" if calculated is None else f", E form {calculated:.2f}"
        number = f"{len(structures)} structures, the best" if len(structures) > 1 else "1 structure"
        why = f"; {number} {group}{lowest}, {best['status']}, {best['structure_id'][:_SHORT_ID]}"
    return f"[bold]{chemists_formula(one['formula_reduced'])}[/]  P(2D) {one['p_2d']:.3f}{predicted}{escape(why)}"


def _promoted_by(shortlist: list[dict[str, Any]]) -> str:
    methods = {method for one in shortlist for method in (one.get("methods") or {}).values()}
    by_potential = any(Level.POTENTIAL in parse_method(method).levels for method in methods)
    return "promoted by a potential, not yet by DFT" if by_potential else "promoted"


def _fitting_table(candidates: list[dict[str, Any]]) -> Table:
    """Table of candidates; where they came from is left out where there is no room for it beside the numbers."""
    table = _table(candidates, made_from=True)
    wide = Measurement.get(out, out.options.update(max_width=10_000), table).maximum > out.width
    return _table(candidates, made_from=False) if wide else table


def _table(candidates: list[dict[str, Any]], *, made_from: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    table.add_column("formula", style="bold", no_wrap=True)
    if made_from:
        table.add_column("made from", no_wrap=True)
    table.add_column("group", no_wrap=True)
    for name in ("d/Å", "E form", "E exf", "E hull"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("id", style="dim", no_wrap=True)
    for one in candidates:
        energies = (_energy(one, name) for name in ("formation_energy", "exfoliation_energy", "energy_above_hull"))
        thickness = one.get("thickness")
        table.add_row(
            chemists_formula(one["formula_reduced"]),
            *([_shortened(str(one.get("parent_id", "")))] if made_from else ()),
            one.get("space_group", {}).get("symbol", "?"),
            "–" if thickness is None else f"{thickness:.2f}",
            *energies,
            one["structure_id"][:_SHORT_ID],
        )
    methods = sorted({method for one in candidates for method in one.get("methods", {}).values()})
    shown = ", ".join(methods[:_METHODS_SHOWN]) + (" …" if len(methods) > _METHODS_SHOWN else "")
    told = f"group: space group; d: thickness; energies in eV/atom, by {shown}" if methods else ""
    if any(one.get("lows") or one.get("highs") for one in candidates):
        told += "; ≥: a lower bound; to: an interval"
    table.caption = escape(told)
    table.caption_justify = "left"
    return table


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _energy(candidate: dict[str, Any], field: str) -> str:
    known = fields_of("candidates").get(field)
    low, high = ends(candidate, known)
    if low is not None and high is not None and low != high:
        text = text_of(candidate.get(field), known)
        return f"{end_text(low, text, known)} to {end_text(high, text, known)}"
    text = with_interval(candidate.get(field), low, high, known)
    return text.replace("≥ ", "≥").replace("≤ ", "≤") or "–"  # columns are narrow


def _reason(one: dict[str, Any]) -> str:
    example = one["example"]
    gate = next(gate for gate in example["gates"] if gate["name"] == one["gate"])
    value = gate.get("value")
    shown = f"{value:.3f}" if isinstance(value, float) else {True: "yes", False: "no"}.get(value, str(value))
    formula = chemists_formula(example["formula_reduced"])
    return (
        f"[red]{one['number']:>6,}[/] by [bold]{escape(one['gate'])}[/], e.g. {formula} "
        f"({example['candidate_id']}): {shown}, has to be {escape(gate['condition'])}"
    )
