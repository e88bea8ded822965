"""How large the errors of exfoliation energies by potentials are, as measured on known values; bundled as numbers.

``exfoliation_errors.json`` is written by ``python tests/benchmarks/measure_exfoliation.py``, which says on which data.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Final

from ....models.energetics.error_intervals import ErrorModel

FILE: Final = "exfoliation_errors.json"
UNMEASURED: Final = 2.0
"""How many times as wide as the widest measured one an interval is by a method whose errors were never measured."""


def errors_of(potentials: Sequence[str], *, relax: bool, against: str) -> ErrorModel | None:
    """Error model of the mean of potentials; None where it was not measured.

    Parameters
    ----------
    potentials
        Names, in alphabetical order.
    relax
        Whether layer and bulk are relaxed.
    against
        What a layer is compared with, as methods say it.
    """
    return _measured().get(key(potentials, relax=relax, against=against))


def errors_of_unmeasured() -> ErrorModel:
    """Error model of a method that was never measured: wider than all that were."""
    widest = max(_measured().values(), key=lambda errors: errors.quantile)
    return replace(widest, quantile=UNMEASURED * widest.quantile, size=0, covered=0.0, deviation=0.0)


def key(potentials: Sequence[str], *, relax: bool, against: str) -> str:
    """Name of a way to get exfoliation energies, in the file."""
    return f"{'+'.join(potentials)} {'relaxed' if relax else 'static'}, {against}"


@cache
def _measured() -> dict[str, ErrorModel]:
    plain = json.loads(files(__package__).joinpath(FILE).read_text(encoding="utf-8"))
    return {name: ErrorModel(**numbers) for name, numbers in plain["errors"].items()}
