"""The section of ``exfolio show`` on values: each with method, what it was compared with, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rich.markup import escape
from rich.table import Table

from ...models.composition.formula.chemists_formula import chemists_formula
from ...stores.query.language.fields import Field
from ..display.cells import in_words
from ..display.tables import print_table

Doc = dict[str, Any]

_MOST_PHASES: Final = 6


def print_values(properties: list[Doc]) -> None:
    """Print the properties of a structure; of refused ones the reason."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for stated in properties:
        basis = f", {stated['basis']}" if stated.get("basis") else ""
        lines = [escape(f"{stated['method']}{basis}"), *(f"[dim]{escape(line)}[/]" for line in remarks(stated))]
        table.add_row(stated["kind"], _value(stated), "\n".join(lines))
    print_table(table)


def remarks(stated: Doc) -> Iterator[str]:
    """Say why a property has no value, what warns of it or dates it, what competes, whose energies it rests on."""
    details = stated.get("details") or {}
    if stated.get("refused"):
        yield str(stated["refused"])
    if stated.get("stale"):
        yield f"stale: {details.get('stale_because') or 'what it was compared with has changed since'}"
    yield from stated.get("warnings") or []
    if known := details.get("completeness"):
        yield f"energies of {known['with_energy']} of {known['known_compounds']} known compounds"
    for name in ("missing", "failure", "not_in_interval"):
        if details.get(name):
            yield str(details[name])
    if stated.get("per_area") is not None:
        yield f"{stated['per_area']:.1f} meV/Å²"
    if "ph" in details:
        yield f"at {_conditions(details)}"
    if details.get("reference_state"):
        yield f"{details['reference_state']}; entropy of the solid: {details.get('entropy')}"
    if stated.get("competing"):
        yield f"against {_phases(stated)}"
    if details.get("calculation_id"):
        yield f"from {_calculations(details)}"
    if stated.get("snapshot"):
        yield f"entries: {stated['snapshot']}"
    for group in details.get("references_left_out") or []:
        yield f"left out {group['entries']:,} entries: {group['reason']}"


def _value(stated: Doc) -> str:
    if stated.get("refused"):
        return "[red]refused[/]"
    if stated.get("value") is None:
        return "[dim]none[/]"
    unit = str(stated.get("unit") or "")
    of_unit = Field("value", "number", unit=unit)
    shown = in_words(stated["value"], stated.get("low"), stated.get("high"), of_unit, unit)
    if stated.get("coverage") is not None:
        shown += f", {100 * stated['coverage']:.0f} %"
    return f"[yellow]{shown}, stale[/]" if stated.get("stale") else shown


def _conditions(details: Doc) -> str:
    low, high = details["ph"], details.get("ph_high", details["ph"])
    acidity = f"pH {low:.1f}" if high - low < 0.05 else f"pH {low:.1f} to {high:.1f}"
    potential = details.get("potential_vs_she")
    return acidity if potential is None else f"{acidity}, {potential:.2f} V vs SHE"


def _phases(stated: Doc) -> str:
    phases = sorted(stated["competing"], key=lambda phase: -_amount(phase))
    # Shares of the atoms on a hull; formula units per formula unit in water.
    in_water = stated["kind"] == "pourbaix_energy"
    named = []
    for phase in phases[:_MOST_PHASES]:
        amount = f"{_amount(phase):.3g}" if in_water else f"{100 * _amount(phase):.0f} %"
        # By formula: an id such as aflow-prototypes:AB_cP6_221_c_d says nothing. --json has them.
        named.append(f"{amount} {chemists_formula(phase['formula']) if phase.get('formula') else phase['id']}")
    more = len(phases) - _MOST_PHASES
    return " + ".join(named) + (f" + {more} more" if more > 0 else "")


def _amount(phase: Doc) -> float:
    return float(phase.get("amount") or phase.get("share_of_atoms") or 0.0)


def _calculations(details: Doc) -> str:
    bulk = details.get("bulk_calculation_id")
    names = f"{details['calculation_id']} and {bulk} of the bulk" if bulk else str(details["calculation_id"])
    if "correction" not in details:
        return names
    return f"{names}, corrected by {details['correction']:.3f} eV ({details.get('scheme', 'scheme not stated')})"
