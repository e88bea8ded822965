"""``exfolio ingest compositions FILE``: a person's own compositions, a campaign that gives them structures.

The list is kept by a campaign of the source's name, as ``exfolio campaign new NAME --formulas FILE`` writes it: every
refresh reads it again, and what follows for a composition is the same either way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from ....models.composition.formula.chemists_formula import chemists_formula
from ....stores.connection import Connection, connect
from ....stores.errors import ConfigurationError
from ....stores.settings import Settings
from ...display.cells import plural
from ...display.console import err, out, print_json
from ..running.refresh import run_refresh

if TYPE_CHECKING:
    from ....builders.candidates.campaigns.campaign import Campaign

KIND: Final = "compositions"
_LAYERS: Final = 2
_NO_NAME: Final = re.compile(r"[^a-z0-9]+")
_SHOWN: Final = 10


def list_of(paths: Sequence[Path] | None, kind: str | None) -> Path | None:
    """File of compositions that a command line names; None where it is about another kind."""
    given = list(paths or [])
    if kind is None and given and str(given[0]) == KIND and (len(given) > 1 or not given[0].exists()):
        given = given[1:]
    elif kind != KIND:
        return None
    if len(given) != 1:
        raise ConfigurationError(
            f"compositions come from one file, and {len(given) or 'none'} given",
            "Example: exfolio ingest compositions list.txt --source of-mine",
        )
    return given[0]


def ingest_compositions(
    settings: Settings,
    file: Path,
    *,
    source: str | None,
    dimension: int | None,
    processes: int | None,
    dry_run: bool,
    json: bool,
) -> None:
    """Read a list of compositions, and bring its campaign up to date; with `dry_run` only say what is on it."""
    from ....builders.candidates.campaigns.campaign_files import parse
    from ....builders.candidates.campaigns.new_campaign import new_campaign
    from ....builders.compositions.formula_list import listed

    name = source or _NO_NAME.sub("-", file.name.partition(".")[0].lower()).strip("-")
    formulas = [one.facts.reduced for one in listed([], str(file))]
    if dry_run:
        if json:
            print_json({"dry_run": True, "campaign": name, "compositions": formulas})
        else:
            some = ", ".join(chemists_formula(formula) for formula in formulas[:_SHOWN])
            more = ", …" if len(formulas) > _SHOWN else ""
            out.print(f"would bring {plural(len(formulas), 'compositions')}: {some}{more}", markup=False)
        return
    text = new_campaign(name, f"{name}.yaml", dimension=dimension or _LAYERS, formulas_from=str(file.absolute()))
    campaign = parse(text, f"the campaign {name} of {file}")
    with connect(settings, autostart=True) as connection:
        _refuse_another(connection, campaign)
        report = run_refresh(connection, [campaign], processes=processes or settings.processes, quiet=json)
        made = _made(connection, name)
    told = {"campaign": name, "compositions": len(formulas), **made}
    if json:
        print_json({**told, "stages": [asdict(stage) for stage in report.stages] if report else []})
    else:
        numbers = f"{plural(len(formulas), 'compositions')}, {plural(made['structures'], 'structures')} of them"
        err.print(f"{name}: {numbers}. Next: exfolio funnel {name}, exfolio show FORMULA", soft_wrap=True)
    if report is not None and report.exit_code:
        raise typer.Exit(report.exit_code)


def _refuse_another(connection: Connection, campaign: Campaign) -> None:
    """Leave a campaign alone that has the name of the source and is not that of this list."""
    from ....builders.candidates.known import known_campaigns

    for known in known_campaigns(connection):
        if known.name == campaign.name and (known.compositions is None or _file(known) != _file(campaign)):
            raise ConfigurationError(
                f"there is a campaign {campaign.name} already, which is not of this list",
                "Name another source: --source NAME; or add formulas_from to the campaign's file.",
            )


def _file(campaign: Campaign) -> str | None:
    return campaign.compositions.formulas_from if campaign.compositions else None


def _made(connection: Connection, name: str) -> dict[str, Any]:
    mine = {"campaign": name, "deprecated": False}
    return {"structures": connection.database["candidates"].count_documents(mine)}
