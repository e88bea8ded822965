"""How large the errors of exfoliation energies by potentials are: as measured beforehand, or by the registry's values.

``exfoliation_errors.json`` is written by ``python tests/accuracy/measure_exfoliation.py``, which says on which data.
What a registry knows itself is measured by `exfoliation_calibration_stage`, and goes before.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any, Final

from .....models.energetics.reliability.error_intervals import ErrorModel, scale
from .....stores.canonical import content_hash
from ..error_models import plain_errors

Doc = dict[str, Any]
KIND: Final = "exfoliation-errors"
"""Kind of `trained_models` that a registry's own error models are."""
FILE: Final = "exfoliation_errors.json"
SOFT, HYDROGEN, OTHERS = "chalcogenides and halides", "with hydrogen", "others"
"""Classes of bonding. Surfaces of S, Se, Te, Cl, Br or I are held by dispersion, as a rule; where there is O, N or F as
well other bonds may hold; hydrogen bonds ask for one stacking of many."""
ALL: Final = "all"
"""Error model of classes with too few known values to have one of their own."""
_SOFT: Final = frozenset({"S", "Se", "Te", "Cl", "Br", "I"})
_HARD: Final = frozenset({"O", "N", "F"})
TYPICAL: Final = 0.1
"""eV/atom, an exfoliation energy for which half widths of intervals are told."""
UNMEASURED: Final = 2.0
"""How many times as wide as the widest measured one an interval is by a method whose errors were never measured."""


def bonding_class(elements: Iterable[str]) -> str:
    """Class of a layer by what its surface is likely made of: errors differ most by that.

    Examples
    --------
    >>> bonding_class(["Mo", "S"]), bonding_class(["Ti", "O", "Cl"]), bonding_class(["Mg", "O", "H"])
    ('chalcogenides and halides', 'others', 'with hydrogen')
    """
    present = set(elements)
    if "H" in present:
        return HYDROGEN
    return SOFT if present & _SOFT and not present & _HARD else OTHERS


def errors_of(potentials: Sequence[str], *, relax: bool, against: str) -> dict[str, ErrorModel]:
    """Error models of the mean of potentials, by class of bonding, `ALL` among them; empty where never measured.

    Parameters
    ----------
    potentials
        Names, in alphabetical order.
    relax
        Whether layer and bulk are relaxed.
    against
        What a layer is compared with, as methods say it.
    """
    return _measured().get(key(potentials, relax=relax, against=against), {})


def errors_of_unmeasured() -> ErrorModel:
    """Error model of a method that was never measured: wider than all that were."""
    models = [model for by_class in _measured().values() for model in by_class.values()]
    widest = max(models, key=lambda model: model.quantile)
    return replace(widest, quantile=UNMEASURED * widest.quantile, size=0, covered=0.0, deviation=0.0)


def key(potentials: Sequence[str], *, relax: bool, against: str) -> str:
    """Name of a way to get exfoliation energies, in the file."""
    return f"{'+'.join(potentials)} {'relaxed' if relax else 'static'}, {against}"


def model_id(potentials: Sequence[str], *, relax: bool) -> str:
    """Id of the error models of a way to get exfoliation energies, among `trained_models`."""
    return f"{KIND}-{content_hash([sorted(potentials), relax])[:12]}"


def bundled_errors(potentials: Sequence[str], *, relax: bool, against: str) -> dict[str, Doc]:
    """What was measured beforehand, as documents keep it; the parameters are those of `errors_of`."""
    measured = errors_of(potentials, relax=relax, against=against)
    return {group: plain_errors(model, half_width=half_width(model), bundled=True) for group, model in measured.items()}


def half_width(model: ErrorModel) -> float:
    """Half width of the interval of a typical value, eV/atom."""
    return model.quantile * float(scale(TYPICAL))


@cache
def _measured() -> dict[str, dict[str, ErrorModel]]:
    plain = json.loads(files(__package__).joinpath(FILE).read_text(encoding="utf-8"))
    return {
        name: {group: ErrorModel(**numbers) for group, numbers in by_class.items()}
        for name, by_class in plain["errors"].items()
    }
