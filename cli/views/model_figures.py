"""Shows a trained model in lines a person reads: what it learnt from, and how good it is."""

from __future__ import annotations

from typing import Any

from rich.markup import escape
from rich.table import Table

from ..display.console import out, print_facts
from ..display.tables import print_table

Doc = dict[str, Any]


def print_model(model: Doc) -> None:
    """Print identity, data and figures of merit of a trained model."""
    shown = ", ".join(f"{name} {_short(value)}" for name, value in model.get("data", {}).items() if _is_figure(value))
    print_facts(
        {
            "model": model["model_id"],
            "trained on": shown,
            "seed": model["seed"],
            "device": model.get("device"),
            "seconds": model.get("seconds"),
        }
    )
    plain = {name: value for name, value in model.get("metrics", {}).items() if _is_figure(value)}
    if plain:
        table = Table(box=None, pad_edge=False, padding=(0, 1), show_header=False)
        table.add_column(style="bold")
        table.add_column(justify="right")
        for name, value in plain.items():
            table.add_row(escape(name.replace("_", " ")), _short(value))
        print_table(table)
    nested = [name for name, value in model.get("metrics", {}).items() if not _is_figure(value)]
    if nested:
        out.print(
            f"Also kept: {', '.join(nested)} (exfolio show {model['model_id']} --json)", style="dim", soft_wrap=True
        )


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float | str)


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
