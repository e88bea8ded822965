"""``exfolio report model``: the figures of a trained model beside the published ones, with plots."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ....stores.connection import connect
from ....stores.documents.trained_model import SHIPPED
from ....stores.errors import ConfigurationError
from ...display.console import begin, err, write_line


def model(
    identity: Annotated[str, typer.Argument(metavar="ID", help="A trained model, or a kind: the newest of it.")],
    *,
    to: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for report.md and the plots; printed without.")
    ] = None,
) -> None:
    r"""Report on a trained model: data, figures of merit beside published ones, curves and distributions as plots.

    \b
    Examples:
      exfolio report model classifier
      exfolio report model matgan --out matgan-report
      exfolio report model exfoliation-errors
    """
    from ....builders.reports.model_report import ERROR_KINDS, report
    from ....builders.training import trained
    from ....builders.training.model_kinds import KINDS

    with connect(begin()) as connection:
        kinds = (*KINDS, *ERROR_KINDS)
        kind = identity if identity in kinds else identity.removeprefix(SHIPPED).rpartition("-")[0]
        if kind not in kinds:
            raise ConfigurationError(
                f"no trained model is called {identity!r}", "List them: exfolio query trained_models"
            )
        named = None if identity in kinds else identity
        if kind in ERROR_KINDS and trained.find(connection, kind, named) is None:
            raise ConfigurationError(
                f"no {kind} have been measured here", "Refresh a campaign that evaluates layers by potentials."
            )
        trained_model = trained.need(connection, kind, named)
        text, plots = report(connection, trained_model)
    if to is None:
        write_line(text)
        return
    try:
        to.mkdir(parents=True, exist_ok=True)
        (to / "report.md").write_text(text, encoding="utf-8")
        for name, plot in plots.items():
            plot.savefig(to / f"{name}.png", dpi=150)
    except OSError as error:
        raise ConfigurationError(f"{to}: can't be written: {error.strerror}") from None
    err.print(f"Wrote report.md{''.join(f', {name}.png' for name in plots)} to {to}", soft_wrap=True)
