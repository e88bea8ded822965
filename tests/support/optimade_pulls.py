"""Pulls from an OPTIMADE server as the tests make them, and the registry that they fill."""

from typing import Any

from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.sources.live.service_stage import LiveSourceStage
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection

FIELDS = {"energy_above_hull": "_exmpl_hull:meV/atom", "band_gap": "_exmpl_gap:eV"}
OXIDES = 'elements HAS ALL "Mn","O" AND nelements=2'


def change(registry: Connection, **settings: object) -> None:
    object.__setattr__(registry, "settings", registry.settings.model_copy(update=settings))


def pull(registry: Connection, url: str, *, accept_loss: bool = False, **options: Any) -> tuple[StageReport, int]:
    options = {"url": url, "source": "ref", "filter": OXIDES, "fields": FIELDS, "page_limit": 10} | options
    stage = LiveSourceStage("optimade", options, accept_loss=accept_loss)
    return run_stage(stage, registry, batch_size=7), stage.requests


def material(registry: Connection, name: str) -> dict[str, Any]:
    return registry.database["materials"].find_one({"material_id": f"ref:{name}"})
