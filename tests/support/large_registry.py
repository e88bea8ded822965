"""A registry of any size for questions about size: random compositions, with shares like those of a real registry.

Documents are inserted as the stages would have left them, without the stages: a million take a minute.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, Final

from exfolio.stores.connection import Connection
from exfolio.stores.registry_version import CURRENT

Doc = dict[str, Any]

SHARES: Final = {"compositions": 1.0, "materials": 0.25, "structures": 0.02, "properties": 0.04, "candidates": 0.02}
"""Documents of each collection for each composition."""
CAMPAIGN: Final = "two-dimensional"
BEGUN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_FREQUENT: Final = ("O", "S", "Se", "F", "Cl", "N", "H", "P", "C", "Si")
_RARER: Final = (
    *("Li", "Na", "K", "Mg", "Ca", "Sr", "Ba", "Al", "Ga", "In", "Ge", "Sn", "Pb", "As", "Sb", "Bi", "Te", "Br", "I"),
    *("Sc", "Y", "La", "Ti", "Zr", "Hf", "V", "Nb", "Ta", "Cr", "Mo", "W", "Mn", "Tc", "Re", "Fe", "Ru", "Co", "Rh"),
    *("Ni", "Pd", "Cu", "Ag", "Zn", "Cd", "Hg", "B", "Ce", "Nd", "Gd", "Er", "Yb", "Xe"),
)
_ELEMENTS: Final = (*_FREQUENT, *_RARER)
_WEIGHTS: Final = list(accumulate(1 / (1 + i) ** 0.8 for i in range(len(_ELEMENTS))))
_BATCH: Final = 5_000
_GATES_OF_CANDIDATES: Final = tuple(
    {"name": name, "field": name.replace(" ", "_"), "condition": "< 0.2", "value": 0.1}
    for name in ("formation energy", "exfoliation energy", "energy above hull", "band gap")
)
_GATES: Final = (("charge neutral", 0.2), ("new composition", 0.25), ("probability of 2D", 0.98), ("energy", 0.99))


def fill(connection: Connection, size: int, *, shares: Mapping[str, float] = SHARES, seed: int = 1) -> dict[str, int]:
    """Insert documents into the collections of an empty database; says how many of each.

    Parameters
    ----------
    connection
        The database. Indexes are made in a tenth of the time when made afterwards.
    size
        How many compositions are tried; about so many are different.
    shares
        Documents of each collection for each composition, at most one.
    seed
        Of the random numbers.
    """
    draw = random.Random(seed)
    numbers = dict.fromkeys(shares, 0)
    batches: dict[str, list[Doc]] = {name: [] for name in shares}
    for i, formula in enumerate(_formulas(draw, size)):
        for name, share in shares.items():
            if share < 1 and i and draw.random() >= share:
                continue
            batches[name].append(_MAKERS[name](draw, numbers[name], formula))
            numbers[name] += 1
            if len(batches[name]) == _BATCH:
                _insert(connection, name, batches[name])
    for name, batch in batches.items():
        _insert(connection, name, batch)
    return numbers


def _insert(connection: Connection, name: str, batch: list[Doc]) -> None:
    if batch:
        connection.database[name].insert_many(batch, ordered=False, bypass_document_validation=True)
        batch.clear()


def _formulas(draw: random.Random, size: int) -> Iterator[Doc]:
    """Different compositions, Mo-S and MoS2 among them."""
    seen = set()
    for i in range(size * 2):
        if i % 500 == 0:
            symbols = ["Li", "Mn", "O"] if i % 1000 else ["Mo", "S"]
        else:
            number = draw.choices((2, 3, 4, 5), (4, 43, 42, 11))[0]
            symbols = sorted(set(draw.choices(_ELEMENTS, cum_weights=_WEIGHTS, k=number)))
        amounts = [1, 2] if i == 0 else [draw.randint(1, 8) for _ in symbols]
        divisor = math.gcd(*amounts)
        formula = "".join(f"{s}{n // divisor if n > divisor else ''}" for s, n in zip(symbols, amounts, strict=True))
        if formula in seen:
            continue
        seen.add(formula)
        yield {
            "formula_reduced": formula,
            "formula": formula,
            "formula_anonymous": "".join("ABCDEF"[: len(symbols)]),
            "chemsys": "-".join(symbols),
            "elements": symbols,
            "nelements": len(symbols),
        }
        if len(seen) == size:
            return


def _common(draw: random.Random, i: int, facet: str) -> Doc:
    at = BEGUN + timedelta(seconds=i // 1000)
    return {
        "schema_version": CURRENT,
        "rev": i,
        "content_hash": f"{draw.getrandbits(128):032x}",
        "run_id": "20260101T000000-00000000",
        "created_at": at,
        "updated_at": at,
        "deprecated": draw.random() < 0.002,
        "facets": {facet: {"rev": i, "hash": draw.getrandbits(63), "stage": "made", "by": 1}},
    }


def _composition(draw: random.Random, i: int, formula: Doc) -> Doc:
    where = draw.random()
    gate = next((name for name, share in _GATES if where < share), None)
    doc = {**formula, **_common(draw, i, "sample"), "made_by": ["sample-compositions"], "times_drawn": 1}
    doc |= {"charge_neutral": gate != "charge neutral", "electronegativity_balanced": draw.random() < 0.76}
    doc |= {"novel": gate != "new composition", "p_2d": round(draw.random() ** 3, 6)}
    if gate in (None, "energy"):
        doc |= {
            "p_2d": round(0.95 + draw.random() / 20, 6),
            "predicted_formation_energy": round(draw.gauss(-0.5, 1), 5),
        }
    if gate:
        return {**doc, "status": "rejected", "rejected_by": gate}
    if draw.random() < 0.8:
        return {**doc, "status": "promoted"}
    return {**doc, "status": "waiting", "waiting_for": draw.choice(("energy", "probability of 2D"))}


def _values(draw: random.Random) -> Doc:
    values = {}
    for name, share, least, most in (
        ("formation_energy", 0.65, -4.0, 1.0),
        ("band_gap", 0.33, 0.0, 9.0),
        ("energy_above_hull", 0.02, -0.05, 0.5),
        ("exfoliation_energy", 0.005, 0.01, 0.4),
    ):
        if draw.random() < share:
            values[name] = round(draw.uniform(least, most), 5)
    if "energy_above_hull" in values:
        values["energy_above_hull"] = max(0.0, values["energy_above_hull"])
    return values


def _material(draw: random.Random, i: int, formula: Doc) -> Doc:
    source = draw.choices(("mp", "oqmd", "jarvis", "handbook"), (50, 45, 4, 1))[0]
    values = _values(draw)
    doc = {
        **formula,
        **_common(draw, i, "record"),
        "material_id": f"{source}:{i}",
        "source": source,
        "source_id": f"{i}",
    }
    doc |= {**values, "preferred": values, "nsites": draw.randint(1, 40)}
    if draw.random() < 0.02:
        doc |= {"layered": draw.random() < 0.2, "space_group": {"number": draw.choice((164, 187, 194))}}
    return doc


def _structure(draw: random.Random, i: int, formula: Doc) -> Doc:
    route = draw.choices(("template", "crystal-gan", "bottom-up", "top-down"), (90, 5, 3, 2))[0]
    return {**formula, **_common(draw, i, "proposal"), "structure_id": f"st-{i:016x}", "route": route, "nsites": 12}


def _property(draw: random.Random, i: int, formula: Doc) -> Doc:
    kind = draw.choices(("energy", "energy_above_hull", "formation_energy", "exfoliation_energy"), (32, 32, 32, 4))[0]
    identity = {"structure_id": f"st-{i // 2:016x}", "kind": kind, "method": f"method {i % 2}"}
    doc = {"formula_reduced": formula["formula_reduced"], "chemsys": formula["chemsys"], **_common(draw, i, "value")}
    return {
        **doc,
        **identity,
        "property_id": "/".join(identity.values()),
        "value": round(draw.gauss(0, 1), 5),
        "unit": "eV/atom",
    }


def _candidate(draw: random.Random, i: int, formula: Doc) -> Doc:
    status, gate = draw.choices(
        (("promoted", None), ("waiting", "band gap"), ("rejected", "energy above hull")), (1, 9, 90)
    )[0]
    because = {"waiting": "waiting_for", "rejected": "rejected_by"}.get(status)
    doc = {
        **formula,
        **_common(draw, i, "verdict"),
        "campaign": CAMPAIGN,
        "structure_id": f"st-{i:016x}",
        "status": status,
        "gates": [{**plain, "verdict": "passed"} for plain in _GATES_OF_CANDIDATES if plain["name"] != gate],
    }
    if gate:
        verdict = "failed" if status == "rejected" else "unknown"
        doc["gates"].append({"name": gate, "field": "", "condition": "< 0.2", "verdict": verdict})
    doc |= {"candidate_id": f"{CAMPAIGN}/st-{i:016x}"} | ({because: gate} if because else {})
    last = {"promoted": "p", "waiting": "u", "rejected": "f"}[status]
    doc["gate_verdicts"] = f"ppp{draw.choice('ppn')}{draw.choice('ppn')}{last}"
    values = {name: value for name, value in _values(draw).items() if name != "formation_energy"}
    values["energy_above_hull"] = round(draw.uniform(0, 0.5), 5)
    if draw.random() < 0.5:
        doc["highs"] = {"energy_above_hull": round(values["energy_above_hull"] + draw.random() / 10, 5)}
        doc["lows"] = {"energy_above_hull": values["energy_above_hull"]}
    return {**doc, **values}


_MAKERS: Final[dict[str, Callable[[random.Random, int, Doc], Doc]]] = {
    "compositions": _composition,
    "materials": _material,
    "structures": _structure,
    "properties": _property,
    "candidates": _candidate,
}
