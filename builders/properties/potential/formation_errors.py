"""How large the errors of formation energies and hull distances by potentials are: as measured on known values.

``formation_errors.json`` is written by ``python tests/accuracy/measure_formation.py``, which says on which data.
What a registry knows itself is measured by `formation_calibration_stage`, and goes before.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Final

from ....models.energetics.reliability.calibration import Calibration
from ....models.energetics.reliability.error_intervals import ErrorModel
from ....stores.canonical import content_hash

NEVER_MEASURED: Final = "the errors of this method were never measured: the interval is twice as wide as any that was"
"""Said beside a value whose interval is taken from others."""
FILE: Final = "formation_errors.json"
KIND: Final = "formation-errors"
"""Kind of `trained_models` that a registry's own error models are."""
ITSELF: Final = "against its own composition"
"""Distances to another form of the same composition: errors are as those to compounds, where few are measured."""
COMPOUNDS: Final = "against compounds"
"""Distances to a mixture of phases that holds compounds, of any class: where it is no oxide errors are smaller against
the Materials Project (0.07 instead of 0.10 eV/atom, 90 %) and larger against enthalpies (0.20 instead of 0.17)."""
APART: Final = "Fe"
"""Of what holds iron distances are half as sure: 90 % of 192 by CHGNet lie within 0.14 eV/atom, of 304 without it
within 0.07 (one interval for both held 83 and 95 %). Of 59 with manganese 86 % lie within that, of 49 oxides 90 %."""
IN_WATER: Final = "in water"
"""Least decomposition energies in water. Oxygen comes and goes, so that errors of oxides do not cancel as on a hull."""
ALL: Final = "formation"
"""Formation energies of any class; a distance to elements alone is one too."""
_SHALLOWEST: Final = 0.1
"""eV/atom: nine in ten errors of distances by CHGNet are smaller, whatever the class. A hole takes more than that."""
UNMEASURED: Final = 2.0
"""How many times as wide as the widest measured one an interval is by a method whose errors were never measured."""
_ANIONS: Final = (
    ("fluorides", {"F"}),
    ("oxides", {"O"}),
    ("halides", {"Cl", "Br", "I"}),
    ("chalcogenides", {"S", "Se", "Te"}),
    ("pnictides", {"N", "P", "As", "Sb"}),
)
INTERMETALLICS: Final = "intermetallics"
_WITH: Final = f", with {APART}"


def anion_class(elements: Iterable[str]) -> str:
    """Class of a compound by its most electronegative elements: errors of formation energies differ by that.

    Examples
    --------
    >>> anion_class(["Ti", "O", "Cl"]), anion_class(["Mo", "S"]), anion_class(["Ni", "Al"])
    ('oxides', 'chalcogenides', 'intermetallics')
    """
    present = set(elements)
    return next((name for name, anions in _ANIONS if present & anions), INTERMETALLICS)


def anion_classes() -> frozenset[str]:
    """Classes of formation energies."""
    return frozenset((*(name for name, _ in _ANIONS), INTERMETALLICS))


def competition(products: Sequence[Collection[str]]) -> str:
    """Kind of a hull distance by what competes: `ITSELF`, `COMPOUNDS`, or `ALL` where only elements do.

    Parameters
    ----------
    products
        Elements of each competing phase.
    """
    if len(products) == 1:
        return ITSELF
    return COMPOUNDS if any(len(elements) > 1 for elements in products) else ALL


def class_of_distance(elements: Collection[str], products: Sequence[Collection[str]]) -> str:
    """Class of a hull distance by what competes and whether `APART` is there; by anions where only elements compete.

    Examples
    --------
    >>> class_of_distance(["Mn", "O"], [["Mn", "O"]]), class_of_distance(["Fe", "O"], [["Fe", "O"], ["O"]])
    ('against its own composition', 'against compounds, with Fe')
    """
    kind = competition(products)
    if kind == ALL:
        return anion_class(elements)
    return f"{kind}{_WITH}" if APART in elements else kind


def class_taken(group: str, measured: Collection[str]) -> str:
    """Class whose errors are taken for those of a class, of those that are measured, `ALL` among them.

    Examples
    --------
    >>> class_taken("against its own composition, with Fe", ["against compounds, with Fe", "formation"])
    'against compounds, with Fe'
    """
    plain = group.removesuffix(_WITH)
    same_elements = (f"{COMPOUNDS}{_WITH}",) if plain != group else ()  # before what says less of a distance
    alike: tuple[str, ...] = (group, *same_elements, plain, *((COMPOUNDS,) if plain == ITSELF else ()), ALL)
    return next(name for name in alike if name in measured)


class FormationErrors:
    """What is known of the errors of formation energies and hull distances by one potential.

    Parameters
    ----------
    potential
        Its name.
    relax
        Whether structures are relaxed.
    own
        By class, what the registry's own values tell of errors, where it knows enough of them.
    """

    def __init__(self, potential: str, *, relax: bool, own: Mapping[str, Calibration] | None = None) -> None:
        self._own = own or {}
        measured = _measured().get(key(potential, relax=relax), {})
        self.are_measured = bool(measured)
        own_models = {group: found.errors for group, found in self._own.items()}
        self.by_class: dict[str, ErrorModel] = {**(measured or {ALL: _of_unmeasured()}), **own_models}

    def of_formation(self, elements: Iterable[str], name: str = "") -> tuple[str, ErrorModel]:
        """Class of a formation energy by the elements of the compound, and how large errors are there.

        Parameters
        ----------
        elements
            Of the compound.
        name
            The structure, whose own value is left out of what the registry knows.
        """
        return self._of(anion_class(elements), name)

    def of_distance(
        self, elements: Collection[str], products: Sequence[Collection[str]], name: str = ""
    ) -> tuple[str, ErrorModel]:
        """Class of a hull distance, and how large errors are there.

        Parameters
        ----------
        elements
            Of the compound.
        products
            Elements of each competing phase.
        name
            As for `of_formation`.
        """
        return self._of(class_of_distance(elements, products), name)

    @property
    def in_water(self) -> ErrorModel:
        """How large errors of decomposition energies in water are."""
        return self._of(IN_WATER)[1]

    @property
    def measured_in_water(self) -> bool:
        """Whether these errors were measured there, and not taken over from those of formation energies."""
        return IN_WATER in self.by_class and self.in_water.size > 0

    def deepest(self, elements: Collection[str]) -> float:
        """eV/atom below a hull of compounds that errors explain; what lies deeper asks what is missing there.

        About 5 % of errors lie farther down. Of 197 of the handbook's compounds half lie 0.15 below the hull of the
        others, by the Materials Project's energies: so far below are phases that a hull lacks.

        Parameters
        ----------
        elements
            Of the compound.
        """
        group = f"{COMPOUNDS}{_WITH}" if APART in elements else COMPOUNDS
        return max(self._of(group)[1].quantile, _SHALLOWEST)

    def _of(self, group: str, name: str = "") -> tuple[str, ErrorModel]:
        group = class_taken(group, self.by_class)
        return group, self._own[group].of(name) if group in self._own else self.by_class[group]


def model_id(method: str) -> str:
    """Id of the registry's own error models of a method, among `trained_models`."""
    return f"{KIND}-{content_hash([method])[:12]}"


def key(potential: str, *, relax: bool) -> str:
    """Name of a way to get energies, in the file."""
    return f"{potential} {'relaxed' if relax else 'static'}"


def _of_unmeasured() -> ErrorModel:
    """Error model of a method that was never measured: wider than all that were."""
    models = [model for by_class in _measured().values() for model in by_class.values()]
    widest = max(models, key=lambda model: model.quantile)
    return replace(widest, quantile=UNMEASURED * widest.quantile, size=0, covered=0.0, deviation=0.0)


@cache
def _measured() -> dict[str, dict[str, ErrorModel]]:
    plain = json.loads(files(__package__).joinpath(FILE).read_text(encoding="utf-8"))
    return {
        name: {group: ErrorModel(**numbers) for group, numbers in by_class.items()}
        for name, by_class in plain["errors"].items()
    }
