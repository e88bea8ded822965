"""Promoted and waiting candidates in the order in which they are worth a look. Reads the registry, writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ...stores.connection import Connection
from ..calculations.vasp.inputs.worth import rank_by_worth
from .campaigns.gate_outline import Judging
from .margins import least_margin

Doc = dict[str, Any]
_EXCHANGE: Final = "exchange_energy"


def promoted_first(connection: Connection, campaign: Judging, fields: Mapping[str, int]) -> list[Doc]:
    """Promoted candidates, those first that are farthest from failing any gate on an energy.

    Last come those that would rather be a solid solution: an order of alike atoms that does not hold up to the
    temperatures at which atoms move.

    Parameters
    ----------
    connection
        The database.
    campaign
        Name and gates.
    fields
        What is read of each, as MongoDB projects it; with ``gates`` and values, and their ends.
    """
    docs = connection.database["candidates"].find(_standing(campaign, "promoted"), dict(fields))
    margins = [(least_margin(campaign.gates, doc), doc) for doc in docs]
    ordered = sorted(margins, key=lambda pair: (_mixes(pair[1]), -pair[0], pair[1]["candidate_id"]))
    return [doc for _, doc in ordered]


def likeliest_first(connection: Connection, campaign: Judging, fields: Mapping[str, int]) -> list[Doc]:
    """Waiting candidates by their chance to pass what they wait for, each composition once before any twice.

    Those that no calculation decides about come last; beside these parameters are those of `promoted_first`.
    """
    query = _standing(campaign, "waiting")
    ranked = {one.candidate_id: one for one in rank_by_worth(connection, campaign.name, query)}
    docs = list(connection.database["candidates"].find(query, dict(fields)))

    def place(doc: Doc) -> tuple[int, bool, float]:
        one = ranked.get(doc["candidate_id"])
        return (one.turn, _mixes(doc), -one.chance) if one is not None else (len(docs), False, 0.0)

    return sorted(docs, key=lambda doc: (*place(doc), doc["candidate_id"]))


def each_composition_once(docs: Iterable[Doc]) -> list[Doc]:
    """The first of each composition, in the same order."""
    first: dict[str, Doc] = {}
    for doc in docs:
        first.setdefault(doc["formula_reduced"], doc)
    return list(first.values())


def _standing(campaign: Judging, status: str) -> Doc:
    return {"campaign": campaign.name, "status": status, "deprecated": False}


def _mixes(doc: Doc) -> bool:
    energy = (doc.get("values") or {}).get(_EXCHANGE)
    if energy is None:
        return False
    # A second of imports, where such a value is there.
    from ...models.structure.sizes.site_exchange import MIXES_BELOW, order_holds_up_to

    return bool(order_holds_up_to(energy) < MIXES_BELOW)
