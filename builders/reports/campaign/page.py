"""Writes the report on a campaign: a page that needs nothing beside it, and its figures and data as files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from .... import __version__
from ....models.composition.formula.chemists_formula import chemists_formula
from ....models.evaluation.shares import Share
from ....models.structure.serialization import from_plain
from ....stores.connection import Connection
from ....stores.query.html_table import formula_html
from ....stores.query.search import Search
from ...exports.parquet import write_parquet
from ...exports.rows import write_csv
from .facts import SHORTLIST, CampaignFacts, facts_of
from .figures import figures_of
from .hulls import HULL, hulls_of
from .in_water import IN_WATER, in_water
from .inline_svg import svg_of
from .pictures import picture

Doc = dict[str, Any]

_FLAT: Final = frozenset({"text", "integer", "number", "true or false", "date", "list"})
"""Kinds of field that a spreadsheet shows; the rest, as every gate with its value, is in Parquet."""


def write_report(connection: Connection, campaign: str, folder: Path) -> list[Path]:
    """Write ``report.html``, its figures as SVG and PNG, candidates as Parquet and CSV, and ``citations.bib``.

    Parameters
    ----------
    connection
        The database.
    campaign
        Name of a campaign that was refreshed.
    folder
        Where to; made if need be.

    Returns
    -------
    list of Path
        What was written, the page first.

    Raises
    ------
    ConfigurationError
        There is no such campaign.
    """
    facts = facts_of(connection, campaign)
    first = facts.promoted or facts.waiting
    diagrams = {**hulls_of(connection, facts.campaign, first), **in_water(connection, facts.campaign, first)}
    figures = figures_of(facts) | {name: diagram.figure for name, diagram in diagrams.items()}
    narrow = {name: diagram.draw(narrow=True) for name, diagram in diagrams.items()}
    folder.mkdir(parents=True, exist_ok=True)
    names = ("report.html", "candidates.parquet", "candidates.csv", "citations.bib")
    written = [folder / name for name in names]
    written[0].write_text(page_of(facts, figures, narrow), encoding="utf-8")
    asked = Search("candidates", f'campaign = "{campaign}"')
    columns = [field for field in asked.known if "." not in field.path and field.path not in ("structure", "facets")]
    write_parquet(asked.documents(connection), columns, written[1])
    with written[2].open("w", encoding="utf-8", newline="") as stream:
        flat = [field for field in columns if field.kind in _FLAT or field.path == "methods"]
        write_csv(asked.documents(connection), flat, lambda line: print(line, file=stream))
    written[3].write_text(facts.bibliography, encoding="utf-8")
    for name, figure in figures.items():
        for ending in ("svg", "png"):
            figure.savefig(folder / f"{name}.{ending}", dpi=200)
            written.append(folder / f"{name}.{ending}")
    return written


def page_of(facts: CampaignFacts, figures: Mapping[str, Figure], narrow: Mapping[str, Figure]) -> str:
    """Text of the page; of a figure that is in `narrow` too a phone shows that one."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "formula": lambda formula: formula_html(chemists_formula(formula)),
        "number": number,
        "interval": interval,
        "share": share,
        "part": part,
        "screw": lambda symbol: Markup(re.sub(r"_(\d)", r"<sub>\1</sub>", str(escape(symbol)))),  # noqa: S704
    }
    environment.tests["hull_name"] = lambda name: name.startswith(HULL)
    environment.tests["water_name"] = lambda name: name.startswith(IN_WATER)
    template = environment.from_string(files(__package__).joinpath("report.html.jinja").read_text(encoding="utf-8"))
    return template.render(
        facts=facts,
        figures=_inline(figures),
        narrow=_inline(narrow),
        shortlist=_with_pictures((facts.promoted or facts.waiting)[:SHORTLIST]),
        version=__version__,
        now=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )


def _inline(figures: Mapping[str, Figure]) -> dict[str, Markup]:
    return {
        name: Markup(svg_of(figure, themed=not name.startswith(IN_WATER)))  # noqa: S704 - matplotlib's
        for name, figure in figures.items()
    }


def number(value: float | None) -> str:
    """Energy with three decimals, a true minus; a dash where there is none."""
    return "–" if value is None else f"{value:.3f}".replace("-", "−")


def interval(doc: Doc, name: str) -> str:
    """Value of a candidate with its interval; a bound with its sign."""
    value = doc.get(name)
    low, high = ((doc.get(ends) or {}).get(name) for ends in ("lows", "highs"))
    if value is None:
        return "not known"
    if low is None and high is None:
        return number(value)
    if high is None:
        return f"≥ {number(low)}"
    if low is None:
        return f"≤ {number(high)}"
    return f"{number(value)} ({number(low)} to {number(high)})"


def part(number_of: int, total: int) -> str:
    """How much of a total, in percent, with three digits at least where it is little; empty of none."""
    if not total:
        return ""
    percent = 100 * number_of / total
    return f"{percent:.3g}" if percent < 1 else f"{percent:.1f}"


def share(counted: Share) -> str:
    """How many of all, with what is certain to what is possible where values leave it open."""
    told = f"{counted.by_value:,}"
    if counted.total:
        told += f", {counted.by_value / counted.total:.1%}".replace("%", " %")
    return told if counted.certain == counted.possible else f"{told} ({counted.certain:,} to {counted.possible:,})"


def _with_pictures(candidates: Sequence[Doc]) -> list[Doc]:
    return [
        {**doc, "picture": Markup(picture(from_plain(doc["structure"])))}  # noqa: S704 - matplotlib's
        for doc in candidates
        if doc.get("structure")
    ]
