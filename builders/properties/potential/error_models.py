"""Error models of potentials that a registry has measured itself, as documents of `trained_models`.

Knows no kind of property: which errors there are, and by which classes, is told by `exfoliation_errors` and
`formation_errors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from ....models.calculation.methods import Level, parse_method
from ....models.energetics.reliability.calibration import Calibration, KnownError, calibration
from ....models.energetics.reliability.error_intervals import ErrorModel
from ....stores.connection import Connection
from ....stores.documents import Property

Doc = dict[str, Any]
_BUNDLED, _OWN = "bundled values", "values of this registry"
_FIELDS: Final = ("quantile", "size", "covered", "deviation")
_POTENTIALS: Final = frozenset((Level.POTENTIAL_DISPERSION, Level.RELAXED_POTENTIAL, Level.POTENTIAL, Level.MODEL))
BASES: Final = ("calculation", "same-structure", "parent")
"""Of values that are known of a structure itself, or of the bulk that it was cut from."""
WORST: Final = 5
"""Values farthest off that are told."""


def plain_errors(
    model: ErrorModel, *, half_width: float, bundled: bool = False, without: Mapping[str, float] | None = None
) -> Doc:
    """An error model as documents keep it.

    Parameters
    ----------
    model
        The error model.
    half_width
        Of a typical interval, eV/atom.
    bundled
        Whether it was measured beforehand.
    without
        Quantiles without single known values, as in `Calibration`.
    """
    plain = {name: round(number, 4) for name, number in asdict(model).items()}
    measured_on = _BUNDLED if bundled else _OWN
    pairs = [list(pair) for pair in sorted((without or {}).items())]
    return {**plain, "half_width": round(half_width, 4), "measured_on": measured_on, "without": pairs}


def from_plain_errors(plain: Doc) -> Calibration:
    """What `plain_errors` made a document of."""
    return Calibration(ErrorModel(**{name: plain[name] for name in _FIELDS}), dict(plain["without"]))


def own_errors(rows: Sequence[Doc], *, groups: Sequence[str] = ()) -> dict[str, Calibration]:
    """Error models of each class of which the registry knows enough.

    Parameters
    ----------
    rows
        Known errors: ``structure``, ``of`` (the class), ``score``.
    groups
        Classes that every one of them belongs to beside.
    """
    by_class: dict[str, list[KnownError]] = {}
    for row in rows:
        for group in (*groups, row["of"]):
            by_class.setdefault(group, []).append(KnownError(row["structure"], row["score"]))
    found = {group: calibration(errors) for group, errors in sorted(by_class.items())}
    return {group: of_class for group, of_class in found.items() if of_class is not None}


def best_known(docs: Sequence[Doc], levels: Sequence[Level] = (), *, not_by: Sequence[Level] = ()) -> dict[str, Doc]:
    """The best of the values that are known of each structure, by its id; no bounds, and none by a potential.

    Parameters
    ----------
    docs
        Properties of one kind.
    levels
        Levels of theory that count; any when empty.
    not_by
        Levels that don't.
    """
    refused = _POTENTIALS.union(not_by)
    usable = []
    for doc in docs:
        stated = frozenset(parse_method(doc["method"]).levels)
        bound = doc.get("lacks") or (doc.get("low") is None) != (doc.get("high") is None)
        counts = not refused & stated and (not levels or stated & frozenset(levels))
        if doc.get("value") is not None and not bound and not doc.get("stale") and counts:
            usable.append(doc)
    best: dict[str, Doc] = {}
    for doc in sorted(usable, key=lambda doc: (Property.BASES.index(doc["basis"]), doc["value"], doc["method"])):
        best.setdefault(doc["structure_id"], doc)
    return best


def read_models(connection: Connection, identity: str) -> Doc:
    """What a document of error models tells, by what was compared and by class; nothing where there is none."""
    found = connection.database["trained_models"].find_one({"model_id": identity, "deprecated": False}, {"metrics": 1})
    metrics: Doc = found["metrics"] if found else {}
    return metrics


def own_models(connection: Connection, identity: str) -> Doc:
    """The same by class, of what the registry has measured itself alone."""
    return {
        group: plain
        for by_class in read_models(connection, identity).values()
        for group, plain in by_class.items()
        if plain["measured_on"] == _OWN
    }


def used_of(by_class: Doc) -> Doc:
    """The part of error models on which values depend."""
    names = ("quantile", "without", "measured_on")
    return {group: {name: plain[name] for name in names} for group, plain in by_class.items()}
