"""Writes the report on a campaign: a page that needs nothing beside it, and its figures and data as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from .... import __version__
from ....models.composition.formula.chemists_formula import chemists_formula
from ....models.structure.serialization import from_plain
from ....stores.connection import Connection
from ....stores.query.html_table import formula_html
from ....stores.query.search import Search
from ...exports.parquet import write_parquet
from .facts import SHORTLIST, CampaignFacts, facts_of
from .figures import figures_of
from .hulls import HULL, hulls_of
from .pictures import picture, svg_of

Doc = dict[str, Any]


def write_report(connection: Connection, campaign: str, folder: Path) -> list[Path]:
    """Write ``report.html``, its figures as SVG and PNG, ``candidates.parquet`` and ``citations.bib``.

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
    figures = figures_of(facts) | hulls_of(connection, facts.promoted)
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "report.html", folder / "candidates.parquet", folder / "citations.bib"]
    written[0].write_text(page_of(facts, figures), encoding="utf-8")
    asked = Search("candidates", f'campaign = "{campaign}"')
    columns = [field for field in asked.known if "." not in field.path and field.path not in ("structure", "facets")]
    write_parquet(asked.documents(connection), columns, written[1])
    written[2].write_text(facts.bibliography, encoding="utf-8")
    for name, figure in figures.items():
        for ending in ("svg", "png"):
            figure.savefig(folder / f"{name}.{ending}", dpi=200)
            written.append(folder / f"{name}.{ending}")
    return written


def page_of(facts: CampaignFacts, figures: Mapping[str, Figure]) -> str:
    """Text of the page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "formula": lambda formula: formula_html(chemists_formula(formula)),
        "number": number,
        "interval": interval,
    }
    environment.tests["hull_name"] = lambda name: name.startswith(HULL)
    template = environment.from_string(files(__package__).joinpath("report.html.jinja").read_text(encoding="utf-8"))
    return template.render(
        facts=facts,
        figures={name: Markup(svg_of(figure)) for name, figure in figures.items()},  # noqa: S704 - matplotlib's
        shortlist=_with_pictures(facts.promoted[:SHORTLIST]),
        version=__version__,
        now=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )


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


def _with_pictures(candidates: Sequence[Doc]) -> list[Doc]:
    return [
        {**doc, "picture": Markup(picture(from_plain(doc["structure"])))}  # noqa: S704 - matplotlib's
        for doc in candidates
        if doc.get("structure")
    ]
