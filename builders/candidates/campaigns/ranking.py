"""How a campaign wants values ranked, where that is not as usual: which bases and which levels of theory go first."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cached_property
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from ....models.calculation.methods import Level
from ....stores.documents import Candidate, Property
from ...extensions import installed_kinds
from ...materials.method_ranking import ANY_KIND

BASES: Final = Property.BASES
"""Which basis goes first, as usual."""
LEVELS: Final = tuple(str(level) for level in Level)
"""Levels of theory a ranking may name."""


class Ranking(BaseModel):
    """Bases and levels that go before the others; those that are not named follow in their usual order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bases: tuple[str, ...] = Field((), description="what a value rests on, the most trusted first")
    methods: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="by kind of property, or any: levels of theory, the most trusted first"
    )

    @field_validator("bases")
    @classmethod
    def _known_bases(cls, bases: tuple[str, ...]) -> tuple[str, ...]:
        _check("basis", bases, BASES)
        return bases

    @field_validator("methods")
    @classmethod
    def _known_levels(cls, methods: dict[str, tuple[str, ...]], info: ValidationInfo) -> dict[str, tuple[str, ...]]:
        for levels in methods.values():
            _check("level of theory", levels, LEVELS)
        if info.context:  # from a file: a recorded one may name a kind whose package is gone by now
            kinds = (*Candidate.VALUE_FIELDS, *sorted(installed_kinds()), ANY_KIND)
            for kind in methods:
                _check("kind of property", (kind,), kinds)
        return methods

    @cached_property
    def place_of_basis(self) -> dict[str, int]:
        """Place of each basis; 0 goes first."""
        order = (*self.bases, *(basis for basis in BASES if basis not in self.bases))
        return {basis: place for place, basis in enumerate(order)}

    def first(self, kind: str) -> tuple[str, ...]:
        """Levels that go before the usual ones for a kind of property."""
        return self.methods.get(kind, self.methods.get(ANY_KIND, ()))


def _check(what: str, names: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    for number, name in enumerate(names):
        if name not in allowed:
            close = get_close_matches(name, allowed, n=2)
            remedy = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(allowed)}"
            raise ValueError(f"no {what} is called {name!r}; {remedy}")
        if name in names[:number]:
            raise ValueError(f"{name} stands there twice")
