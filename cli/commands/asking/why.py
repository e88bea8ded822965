"""``exfolio why``: why a candidate was promoted, rejected, or waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from rich.markup import escape
from rich.table import Table

from ....builders.candidates.verdicts import layer_verdict, verdicts_on
from ....models.composition.formula.chemists_formula import chemists_formula
from ....stores.connection import connect
from ....stores.documents import Candidate
from ....stores.query.language.fields import fields_of
from ... import completion
from ...display.cells import in_words, text_of
from ...display.console import JsonOption, begin, out, print_json
from ...display.tables import print_table
from ...views.layer_verdicts import print_layer_verdict, with_layer_energies
from ...views.of_formula import reduced_formula

_IN_FULL: Final = 2
_COLOURS = {"promoted": "green", "waiting": "yellow", "rejected": "red"}
_MARKS = {"passed": "[green]✓[/]", "failed": "[red]✗[/]", "unknown": "[yellow]?[/]", "not-applicable": "[dim]–[/]"}


def register(app: typer.Typer) -> None:
    """Add ``why`` to the app."""
    app.command()(why)


def why(
    identity: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="A candidate or a structure, or the beginning of its id; a formula (of candidates, and of a "
            "composition that was drawn); or a known material.",
            autocompletion=completion.ids,
        ),
    ],
    *,
    exchange_by: Annotated[
        str | None,
        typer.Option(metavar="POTENTIAL", help="Also tell what exchanging alike atoms costs, by chgnet for one."),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Of a formula: every gate of every candidate, not of the first ones alone.")
    ] = False,
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
            material = with_layer_energies(connection, material)
            print_json([material]) if json else print_layer_verdict(material)
            return
        verdicts = verdicts_on(connection, identity, formula=reduced_formula(identity))
        if exchange_by is not None:
            # A potential takes a second to import, for those who ask for it.
            from ....builders.candidates.doubts import exchange_costs

            for doc in verdicts:
                doc["doubts"] = [*doc["doubts"], *exchange_costs(connection, doc, exchange_by)]
    if json:
        print_json([{key: value for key, value in doc.items() if key not in ("_id", "structure")} for doc in verdicts])
        return
    # The one or two of a person's own question; of many the first in full, as most fell alike
    in_full = len(verdicts) if all_ or len(verdicts) <= _IN_FULL + 1 else _IN_FULL
    for number, doc in enumerate(verdicts[:in_full]):
        if number:
            out.print()
        print_verdict(doc)
    if rest := verdicts[in_full:]:
        _print_briefly(rest)


def _print_briefly(verdicts: list[dict[str, Any]]) -> None:
    """Print a line for each candidate: how it stands, by which gate and value."""
    out.print(f"\n[bold]{len(verdicts):,} more[/], every gate of them: --all, or exfolio why ID")
    table = Table("", "candidate", "from", "decided by", box=None, pad_edge=False, header_style="dim")
    for doc in verdicts:
        colour = _COLOURS[doc["status"]]
        name = doc.get("rejected_by") or doc.get("waiting_for") or ""
        gate = next((gate for gate in doc["gates"] if gate["name"] == name), None)
        shown = "" if gate is None else f"{escape(name)} {_value_of(doc, gate)} [dim]{escape(gate['condition'])}[/]"
        route = f"{doc.get('route', '')} {escape(str(doc.get('parent_id') or ''))}".strip()
        table.add_row(f"[{colour}]{doc['status']}[/]", escape(doc["candidate_id"]), route, shown)
    print_table(table)


def print_verdict(doc: dict[str, Any]) -> None:
    """Print every gate of one candidate."""
    colour = _COLOURS[doc["status"]]
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
        shown = _value_of(doc, gate)
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
    for doubt in doc.get("doubts") or ():
        out.print(f"  [yellow]![/] [dim]{escape(doubt)}[/]", soft_wrap=True)
    for line in _beside(doc):
        out.print(f"  [dim]{escape(line)}[/]", soft_wrap=True)
    if doc.get("bulk"):
        print_layer_verdict(doc["bulk"])
    for earlier in doc.get("history", []):
        before = earlier.get("rejected_by") or earlier.get("waiting_for") or ""
        when = text_of(datetime.fromisoformat(earlier["judged_at"]))
        out.print(f"  [dim]before (judged {when} UTC): {earlier['status']} {before}[/]", soft_wrap=True)


def _value_of(doc: dict[str, Any], gate: dict[str, Any]) -> str:
    """Value that a gate looked at, with its interval and unit; or why there is none."""
    if gate["verdict"] == "not-applicable":
        if doc.get("nelements") == 1 and gate["field"].endswith(("formation_energy", "ion_familiarity")):
            return "says nothing of an element"
        # Stability concerns every route, and keeps nobody waiting while two potentials have not agreed.
        if gate["field"] == "redox_stable" and doc.get("route") == "top-down":
            return "not asked where the crystal has been made, nor waited for"
        if gate["field"].endswith(("_stability", "redox_stable")):
            return "not decided, and not waited for"
        return f"does not concern the {doc.get('route')} route"
    value = gate.get("value")
    if value is None:
        return "not known yet"
    field = {field.path: field for field in fields_of("candidates")}.get(gate["field"])
    return in_words(value, gate.get("low"), gate.get("high"), field, field.unit if field else "")


def _beside(doc: dict[str, Any]) -> Iterator[str]:
    """What is known beside the gates: how new it is and to whom, and what is known of its composition alone."""
    if name := doc.get("novelty_class"):
        beside = f" ({', '.join(doc['novelty_beside'])})" if doc.get("novelty_beside") else ""
        sources = doc.get("compared_with")
        # New is new to somebody.
        if name == "may be known" and "novel" not in doc:
            beside += ": of this composition no source gives a structure to compare with; exfolio ingest one to decide"
        yield f"{name}{beside}" + (f", to these {len(sources)} sources: {', '.join(sources)}" if sources else "")
    for material in doc.get("made") or ():
        told = (material.get("synthesis_method"), material.get("reference"))
        yield f"made: {material['material_id']}, {', '.join(part for part in told if part)}".rstrip(", ")
    for kind, known in (doc.get("context") or {}).items():
        value = f"{known['value']:.4g} {getattr(Candidate._fields.get(kind), 'unit', '')}".rstrip()
        yield f"of the composition, whatever its structure: {kind.replace('_', ' ')} {value}, {known['method']}"
