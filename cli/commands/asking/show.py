"""``exfolio show``: all that is known of one document, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table
from rich.tree import Tree

from ....builders.training.shipped.shipped_models import find_document_or_card
from ....models.composition.formula.chemists_formula import chemists_formula
from ....stores.connection import Connection, connect
from ....stores.query.language.fields import Field, Fields, fields_of
from ....stores.query.language.intervals import ends
from ....stores.query.lookup import StoredDocument
from ....stores.query.provenance import (
    Origin,
    documents_referring_to,
    failures_of,
    origins_of,
    quarantine_of,
    values_of,
    writers_of,
)
from ... import completion
from ...display.cells import COLOURS, MARKS, in_words, text_of
from ...display.console import JsonOption, begin, out, print_json
from ...display.tables import print_table
from ...views.layer_verdicts import print_layer_verdict, with_layer_energies
from ...views.of_formula import known_of, print_known, reduced_formula
from ...views.show_structures import print_structures, structures_of
from ...views.show_values import print_values

Doc = dict[str, Any]

_APART: Final = frozenset(
    {"structure", "gates", "history", "origins", "facets", "methods", "lows", "highs", "layering"}
    | {"deprecated", "deprecation_reasons", "stages", "schema_version", "rev", "content_hash"}
    | {"run_id", "created_at", "updated_at"}
)
"""Fields that have a section of their own, or are for the stages."""


def register(app: typer.Typer) -> None:
    """Add ``show`` to the app."""
    app.command()(show)


def show(
    identity: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Id of a document of any collection, or its beginning; or a formula.",
            autocompletion=completion.ids,
        ),
    ],
    *,
    collection: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Look only in this collection.", autocompletion=completion.collections),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show one document: its values, gates, where it comes from, what was made from it, what went wrong with it.

    Of a formula, however it is written, all that the registry knows: materials, structures, candidates …

    \b
    Examples:
      exfolio show 2dmatpedia:2dm-3594
      exfolio show two-dimensional/st-1890e1f5735df206
      exfolio show st-1890 --json
      exfolio show MoS2
    """  # noqa: D301 - the backspace tells the help to keep the lines
    with connect(begin()) as connection:
        formula = reduced_formula(identity) if collection is None else None
        known = known_of(connection, formula) if formula else {}
        if formula and known and "compositions" not in known:
            _show_known(formula, known, json=json)
            return
        if formula and known.pop("compositions", None):
            identity, collection = formula, "compositions"
        stored = find_document_or_card(connection, identity, collection=collection)
        origins = origins_of(connection, stored)
        values = values_of(connection, stored)
        is_judged = bool(stored.document.get("layering"))
        layers = with_layer_energies(connection, stored.document) if is_judged else None
        referring = documents_referring_to(connection, stored)
        structures = structures_of(connection, stored)
        failures = failures_of(connection, stored)
        quarantine = quarantine_of(connection, stored)
        writers = writers_of(connection, stored.document)
        doubted = _doubts(connection, stored)
    if json:
        print_json(
            {
                "collection": stored.collection,
                "id": stored.key,
                "document": {**stored.document, **({"facets": writers} if writers else {})},
                "values": values,
                "provenance": origins.as_dict(),
                "structures": structures,
                "referred_to_by": referring,
                "failures": failures,
                "quarantine": quarantine,
                **({"of_formula": known} if known else {}),
                **({"doubts": doubted} if doubted else {}),
            }
        )
        return
    fields = fields_of(stored.collection)
    _print_head(stored)
    _print_fields(stored.document, fields)
    _print_preferred(stored.document, fields)
    if layers:
        _section("layers")
        print_layer_verdict(layers)
    _print_structure(stored.document.get("structure"))
    _print_gates(stored.document, {field.path: field for field in fields})
    if doubted:
        _section("doubts")
        for doubt in doubted:
            out.print(f"  {escape(doubt)}", soft_wrap=True)
    if values:
        _section("values")
        print_values(values)
        told = {value["property_id"] for value in values}
        rest = [other for other in referring.pop("properties", []) if other["property_id"] not in told]
        referring |= {"properties": rest} if rest else {}
    _print_stages(stored.document)
    _print_provenance(origins)
    if structures:
        _section("structures")
        print_structures(structures)
        referring = {collection: docs for collection, docs in referring.items() if collection != "structures"}
    _print_referring(referring)
    _print_trouble(failures, quarantine)
    _print_writers(writers)
    if formula and known:
        print_known(formula, known)


def _doubts(connection: Connection, stored: StoredDocument) -> list[str]:
    if stored.collection not in ("candidates", "structures", "compositions"):
        return []
    from ....builders.candidates.doubts import doubts

    return doubts(connection, stored.document)


def _show_known(formula: str, known: dict[str, Doc], *, json: bool) -> None:
    if json:
        print_json({"formula": chemists_formula(formula), "formula_reduced": formula, "of_formula": known})
        return
    out.print(f"[bold]{chemists_formula(formula)}[/]")
    print_known(formula, known)


def _print_head(stored: StoredDocument) -> None:
    document = stored.document
    formula = chemists_formula(document.get("formula_reduced") or "")
    own = stored.key == document.get("formula_reduced")
    name = f"[bold]{escape(formula)}[/]" if own else f"[bold]{escape(stored.key)}[/]  {escape(formula)}".rstrip()
    status = document.get("status") or document.get("state") or ""
    reason = document.get("rejected_by") or document.get("waiting_for") or ""
    verdict = f"  [{COLOURS.get(status, 'default')}]{escape(f'{status} {reason}'.strip())}[/]" if status else ""
    out.print(f"{name}  [dim]{stored.collection.replace('_', ' ')}[/]{verdict}", soft_wrap=True)
    if document.get("deprecated"):
        reasons = "; ".join(document.get("deprecation_reasons") or []) or "no reason is on record"
        out.print(f"[yellow]Deprecated:[/] {escape(reasons)}", soft_wrap=True)


def _section(title: str) -> None:
    out.print()
    out.print(Rule(f"[bold]{title}[/]", align="left", style="dim"))


def _print_fields(document: Doc, known: Fields) -> None:
    methods = document.get("methods") or {}
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(style="dim", overflow="fold")
    for name, value, field in _values(document, known):
        unit = document.get("unit", "") if name == "value" else field.unit if field else ""
        low, high = ends(document, field) if field and field.kind != "object" else (None, None)
        shown = in_words(value, low, high, field, unit)
        note = str(methods[name]) if name in methods else _note(field)
        table.add_row(name, escape(shown), escape(note))
    out.print()
    print_table(table)


def _values(document: Doc, known: Fields) -> Iterator[tuple[str, Any, Field | None]]:
    for field in known:
        value = document.get(field.path)
        if field.path not in _APART and value is not None and value not in ([], {}) and field.path != known.key:
            yield field.path, value, field
    for name, value in document.items():  # of a newer version, perhaps
        if name not in known.by_path and name not in _APART:
            yield name, value, None


def _note(field: Field | None) -> str:
    return field.description if field else "(not described)"


def _print_preferred(document: Doc, known: Fields) -> None:
    preferred = document.get("preferred") or {}
    if not preferred:
        return
    others = document.get("other_values") or []
    _section("values by source")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("", "property", "value", "source", "method", "document"):
        table.add_column(name, justify="right" if name == "value" else "left")
    for name, value in preferred.items():
        chosen = {"value": value, **(document.get("preferred_from") or {}).get(name, {})}
        rest = [other for other in others if other.get("property") == name]
        for stated in (chosen, *rest):
            first = stated is chosen
            field = known.find(name)
            shown = f"{text_of(stated['value'], field)} {field.unit if field else ''}".rstrip()
            told = (escape(str(stated.get(key, ""))) for key in ("source", "method", "material_id"))
            table.add_row("[green]→[/]" if first else "", name if first else "", shown, *told)
    print_table(table)


def _print_structure(plain: Any) -> None:
    if not isinstance(plain, dict) or not plain.get("sites"):
        return
    matrix = plain["lattice"]["matrix"]
    lengths = [sum(x * x for x in vector) ** 0.5 for vector in matrix]
    _section("structure")
    out.print(f"cell  a {lengths[0]:.4f}  b {lengths[1]:.4f}  c {lengths[2]:.4f} Å", highlight=False)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    for _ in range(3):
        table.add_column(justify="right")
    most = 12
    for site in plain["sites"][:most]:
        species = "+".join(str(part["element"]) for part in site["species"])
        table.add_row(species, *(f"{x:.4f}" for x in site["abc"]))
    print_table(table)
    if len(plain["sites"]) > most:
        out.print(f"[dim]… and {len(plain['sites']) - most} more sites; all of them: exfolio export or --json[/]")


def _print_gates(document: Doc, known: dict[str, Field]) -> None:
    gates = document.get("gates") or []
    if not gates:
        return
    methods = document.get("methods") or {}
    _section("gates")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("", "gate", "field", "value", "wanted", "verdict", "method"):
        table.add_column(name, justify="right" if name == "value" else "left")
    for gate in gates:
        value = gate.get("value")
        verdict = str(gate.get("verdict", ""))
        unknown = value is None and verdict == "unknown"
        field = known.get(gate.get("field", ""))
        shown = "not known" if unknown else in_words(value, gate.get("low"), gate.get("high"), field)
        condition = str(gate.get("condition") or gate.get("threshold") or "")
        table.add_row(
            MARKS.get(verdict, ""),
            escape(str(gate.get("name", ""))),
            escape(str(gate.get("field", ""))),
            escape(shown),
            escape(condition),
            f"[{COLOURS.get(verdict, 'dim')}]{escape(verdict)}[/]",
            f"[dim]{escape(str(methods.get(str(gate.get('field')).removeprefix('values.'), '')))}[/]",
        )
    print_table(table)
    for earlier in document.get("history") or []:
        reason = earlier.get("rejected_by") or earlier.get("waiting_for") or ""
        when = text_of(datetime.fromisoformat(earlier["judged_at"]))
        out.print(f"[dim]before ({when}): {escape(str(earlier.get('status', '')))} {escape(reason)}[/]", soft_wrap=True)


def _print_stages(document: Doc) -> None:
    stages = [stage for stage in document.get("stages") or [] if isinstance(stage, dict)]
    if not stages:
        return
    _section("stages")
    names = ("due", "inserted", "updated", "unchanged", "deprecated", "failed", "quarantined", "seconds")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("stage")
    for name in names:
        table.add_column(name, justify="right")
    for stage in stages:
        table.add_row(escape(str(stage.get("stage", ""))), *(text_of(stage.get(name)) for name in names))
    print_table(table)


def _print_provenance(root: Origin) -> None:
    if not root.origins:
        return
    _section("made from")
    tree = Tree(_origin_line(root), guide_style="dim")
    _grow(tree, root)
    out.print(tree)


def _grow(tree: Tree, product: Origin) -> None:
    for origin in product.origins:
        _grow(tree.add(_origin_line(origin)), origin)
    if product.hidden:
        tree.add(f"[dim]… and {product.hidden:,} more[/]")


def _origin_line(origin: Origin) -> str:
    what = {"file": "file", "group": "group"}.get(origin.collection, origin.collection)
    parts = [f"[dim]{escape(what)}[/] {escape(origin.key)}"]
    if origin.place:
        parts.append(f"[dim]at[/] {escape(origin.place)}")
    if origin.title and origin.title != origin.key:
        parts.append(f"[cyan]{escape(chemists_formula(origin.title))}[/]")
    if origin.state:
        parts.append(f"[yellow]{origin.state}[/]")
    if origin.stage:
        parts.append(f"[dim]by {escape(origin.stage)}[/]")
    return "  ".join(parts)


def _print_referring(referring: dict[str, list[Doc]]) -> None:
    if not referring:
        return
    _section("referred to by")
    most = 10
    for collection, documents in referring.items():
        key = fields_of(collection).key
        for document in documents[:most]:
            value = f"{text_of(document.get('value'))} {document.get('unit') or ''}".strip()
            formula = chemists_formula(document.get("formula_reduced") or "")
            facts = [formula, document.get("kind"), value, document.get("status")]
            told = "  ".join(escape(str(fact)) for fact in facts if fact)
            old = "  [yellow]deprecated[/]" if document.get("deprecated") else ""
            line = f"[dim]{collection.replace('_', ' ')}[/] {escape(str(document[key]))}  [cyan]{told}[/]{old}"
            out.print(line, soft_wrap=True)
        if len(documents) > most:
            out.print(f"[dim]… and more {collection}[/]")


def _print_trouble(failures: list[Doc], quarantine: list[Doc]) -> None:
    if not failures and not quarantine:
        return
    _section("trouble")
    for failure in failures:
        again = "parked: exfolio retry" if failure["parked"] else f"tried again {text_of(failure['next_retry_at'])}"
        tries = f"{failure['attempts']} attempt{'s' if failure['attempts'] > 1 else ''}"
        out.print(
            f"[red]✗[/] {escape(failure['stage'])} on {escape(failure['item'])}: {escape(failure['last_error'])} "
            f"[dim]({tries}, {again})[/]",
            soft_wrap=True,
        )
        if failure.get("remedy"):
            out.print(f"  {escape(failure['remedy'])}", soft_wrap=True)
    for bad in quarantine:
        where = f"{bad['file']} {bad.get('place') or ''}".strip()
        out.print(f"[red]✗[/] {escape(where)}: {escape(bad['reason'])} [dim](quarantine)[/]", soft_wrap=True)


def _print_writers(writers: dict[str, Doc]) -> None:
    if not writers:
        return
    _section("written by")
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), style="dim")
    for name, facet in writers.items():
        run = str(facet.get("run_id", ""))
        table.add_row(escape(name), escape(str(facet.get("stage", ""))), text_of(facet.get("at")), f"run {escape(run)}")
    print_table(table)
