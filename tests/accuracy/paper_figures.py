"""Writes the page of the figures of both papers beside ours, from what is stored: cards and docs/measured/*.json.

Which figures, protocols and commands there are says docs/measured/papers.yaml.

`make figures` runs it; nothing of the page is typed.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Final

from exfolio.builders.training.shipped.shipped_models import card
from ruamel.yaml import YAML

Doc = dict[str, Any]

MEASURED: Final = Path(__file__).resolve().parents[2] / "docs" / "measured"
TABLE: Final = MEASURED / "papers.yaml"
PAGE: Final = MEASURED / "papers.md"
HEAD: Final = """# The papers' figures and ours

Made by `make figures` from the cards of the [models that come along](../models.md) and from the figures that measuring
scripts store: value ± standard error (over folds; of a share of draws or records the binomial one), the protocol, and
the command that gives it. Methods that differ are said; a figure that is missing or worse is shown as any other.
† was noted from a run whose figures were not stored: the command measures it again.
"""


def page(papers: list[Doc]) -> str:
    """Text of the page."""
    parts = [HEAD.rstrip()]
    for paper in papers:
        parts.append(f"\n## {paper['title']}\n")
        parts.append("| | published | ours | protocol | command |\n|---|---:|---:|---|---|")
        parts += [
            f"| {row['figure']} | {row['published'] or '–'} | {told(row)} | {row['protocol']} | `{row['command']}` |"
            for row in paper["rows"]
        ]
    return "\n".join(parts) + "\n"


def told(row: Doc) -> str:
    """Ours of a row, with its standard error."""
    value = looked_up(row["ours"])
    if value is None:
        return "–"
    return with_error(row, value) + ("" if isinstance(row["ours"], dict) else "†")


def with_error(row: Doc, value: float) -> str:
    """A value with its standard error; shares of so many in percent."""
    number = looked_up(row.get("of"))
    if number:
        error: float | None = math.sqrt(value * (1 - value) / number)
        # A share, in percent with a digit more than its error is sure of; rates far below one as the papers have them.
        if "rate" not in row["figure"]:
            digits = 1 if error < 0.005 else 0
            return f"{100 * value:.{digits}f} ± {max(100 * error, 10**-digits / 2):.{digits + (error < 0.0005)}f} %"
        return f"{value:.4f} ± {error:.4f}"
    error = looked_up(row.get("error"))
    return f"{value:.4f}" if error is None else f"{value:.4f} ± {error:.4f}"


def looked_up(said: Any) -> Any:
    """A value as it stands, or that of a card or a file of figures; None where it is not there."""
    if not isinstance(said, dict):
        return said
    found: Any = (card(said["card"]) or {}).get("metrics", {}) if "card" in said else stored(said["measured"])
    value = _at(found, said["at"])
    over = said.get("over")
    return value if over is None or value is None else value / _at(found, over)


def stored(name: str) -> Doc:
    """Figures that a measuring script has stored."""
    path = MEASURED / f"{name}.json"
    read: Doc = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return read


def _at(found: Any, place: str | list[str]) -> Any:
    for name in place.split(".") if isinstance(place, str) else place:
        try:
            found = found[int(name) if isinstance(found, list) else name]
        except KeyError:  # not measured of this model
            return None
    return found


def main() -> None:
    """Write the page."""
    papers = YAML(typ="safe").load(TABLE.read_text(encoding="utf-8"))["papers"]
    PAGE.write_text(page(papers), encoding="utf-8")


if __name__ == "__main__":
    main()
