"""Funnels and verdicts as objects of a notebook: they show themselves, and are plain data to whoever goes on.

from exfolio import funnel, why

funnel("two-dimensional")
why("MoS2")
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

from ...models.composition.formula.chemists_formula import chemists_formula
from ...stores.connection import Connection, connect
from ...stores.query.html_table import formula_html, value_html
from ...stores.query.language.fields import Field
from ...stores.query.language.spelling import reduced
from ..candidates.campaigns.gate_outline import outline_of
from ..candidates.funnel import count, count_compositions
from ..candidates.verdicts import verdicts_on

if TYPE_CHECKING:
    import pandas as pd

Doc = dict[str, Any]

_COUNTS: Final = ("reached", "passed", "rejected", "unknown", "not_applicable")
_MARKS: Final = {"passed": "✓", "failed": "✗", "unknown": "?", "not-applicable": "–"}
_OF_A_GATE: Final = Field("value", "any", low="low", high="high")


class Funnel(list[Doc]):
    """The gates of a campaign in order, each with how many candidates reached it and what became of them.

    Attributes
    ----------
    campaign
        Name of the campaign.
    compositions
        The same of generated compositions; empty where the campaign draws none.
    totals
        ``candidates``, ``promoted``, ``waiting``, ``rejected``.
    """

    def __init__(
        self, gates: Iterable[Doc], campaign: str, compositions: Sequence[Doc], totals: dict[str, int]
    ) -> None:
        super().__init__(gates)
        self.campaign, self.compositions, self.totals = campaign, list(compositions), totals

    def to_pandas(self) -> pd.DataFrame:
        """Table of the gates of structures, a row for each."""
        import pandas as pd

        return pd.DataFrame(list(self), columns=["gate", "condition", *_COUNTS]).set_index("gate")

    def __repr__(self) -> str:
        totals = ", ".join(f"{number:,} {name}" for name, number in self.totals.items())
        return f"<funnel of {self.campaign}: {len(self)} gates, {totals}>"

    def _repr_html_(self) -> str:
        parts = [("Generated compositions", self.compositions), ("Structures", self)]
        tables = (Markup("<b>{}</b>{}").format(title, _gates_html(rows)) for title, rows in parts if rows)
        totals = ", ".join(f"{number:,} {name}" for name, number in self.totals.items())
        return str(Markup("").join(tables) + Markup("<p>{}: {}</p>").format(self.campaign, totals))


class Verdicts(list[Doc]):
    """How campaigns judge a candidate, or all of a formula: documents of candidates, every gate with its value."""

    def __repr__(self) -> str:
        return f"<verdicts on {', '.join(str(doc['candidate_id']) for doc in self)}>"

    def _repr_html_(self) -> str:
        return str(Markup("").join(_verdict_html(doc) for doc in self))


def funnel(campaign: str | None = None, *, connection: Connection | None = None) -> Funnel:
    """Count how many candidates reach and pass each gate of a campaign.

    Parameters
    ----------
    campaign
        Its name; two-dimensional, or the one there is, without.
    connection
        An open connection; one is opened as the settings say, and closed, without.

    Raises
    ------
    ConfigurationError
        No such campaign was refreshed in this registry.
    """
    with _opened(connection) as opened:
        chosen = outline_of(opened, campaign)
        rows, totals = count(opened, chosen)
        return Funnel(rows, chosen.name, count_compositions(opened, chosen), totals)


def why(identity: str, *, connection: Connection | None = None) -> Verdicts:
    """Say why a candidate was promoted, rejected, or waits.

    Parameters
    ----------
    identity
        A candidate or a structure, or the beginning of its id; or a formula.
    connection
        An open connection; one is opened as the settings say, and closed, without.

    Raises
    ------
    ConfigurationError
        None is found, or several whose ids begin so.
    """
    try:
        formula = reduced(identity)
    except ValueError:
        formula = None
    with _opened(connection) as opened:
        return Verdicts(verdicts_on(opened, identity, formula=formula))


def _opened(connection: Connection | None) -> AbstractContextManager[Connection]:
    return connect() if connection is None else nullcontext(connection)


def _gates_html(rows: Sequence[Doc]) -> Markup:
    most = max((row["reached"] for row in rows), default=0) or 1
    heads = ("gate", "condition", *(name.replace("_", " ") for name in _COUNTS), "")
    lines = Markup("").join(
        Markup("<tr>{}<td><meter min='0' max='{}' value='{}'></meter></td></tr>").format(
            _cells((row["gate"], row["condition"], *(f"{row[name]:,}" for name in _COUNTS))), most, row["reached"]
        )
        for row in rows
    )
    return _table(heads, lines)


def _verdict_html(doc: Doc) -> Markup:
    because = doc.get("rejected_by") or doc.get("waiting_for")
    word = {"rejected": "by", "waiting": "for"}.get(doc["status"], "")
    lines = Markup("").join(
        Markup("<tr>{}</tr>").format(
            _cells(
                (
                    _MARKS[gate["verdict"]],
                    gate["name"],
                    value_html(gate, _OF_A_GATE) or "not known yet",
                    gate["condition"],
                    (doc.get("methods") or {}).get(gate["field"].removeprefix("values."), ""),
                )
            )
        )
        for gate in doc["gates"]
    )
    doubts = Markup("").join(Markup("<br>! {}").format(doubt) for doubt in doc.get("doubts") or ())
    return Markup("<p><b>{}</b> {}: {}{}</p>{}").format(
        formula_html(chemists_formula(doc["formula_reduced"])),
        doc["candidate_id"],
        f"{doc['status']} {word} {because}" if because else doc["status"],
        doubts,
        _table(("", "gate", "value", "condition", "method"), lines),
    )


def _cells(values: Iterable[object]) -> Markup:
    return Markup("").join(Markup("<td>{}</td>").format(escape(value)) for value in values)


def _table(heads: Iterable[str], lines: Markup) -> Markup:
    head = Markup("").join(Markup("<th>{}</th>").format(name) for name in heads)
    return Markup('<table class="dataframe"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>').format(head, lines)
