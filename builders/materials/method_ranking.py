"""Which value goes before which: by basis, whether it is stale, and by its method. The one table of the program.

Candidates' values and preferred values of materials follow it; a campaign may rank otherwise for what it judges. Which
source goes before which is a setting.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from ...models.calculation.methods import Level, parse_method

KNOWN_FIRST: Final = " against known and ours"
"""Of distances to a hull that name one, those to the hull of known phases go first: they tell a new ground state."""

ANY_KIND: Final = "any"
"""Name of the ranking of kinds that have none of their own."""

METHODS: Final[Mapping[str, tuple[Level, ...]]] = MappingProxyType(
    {
        ANY_KIND: (
            Level.EXPERIMENT,
            Level.MANY_BODY,
            Level.META_GGA,
            Level.HSE06,
            Level.HYBRID,
            Level.CORRECTED_GGA,
            Level.GGA_U,
            Level.GGA,
            Level.LDA,
            Level.NOT_STATED,
            Level.POTENTIAL_DISPERSION,
            Level.RELAXED_POTENTIAL,
            Level.POTENTIAL,
            Level.MODEL,
        ),
        "band_gap": (  # plain GGA underestimates gaps most
            Level.EXPERIMENT,
            Level.HSE06,
            Level.MANY_BODY,
            Level.HYBRID,
            Level.META_GGA,
            Level.GGA_U,
            Level.GGA,
            Level.LDA,
            Level.NOT_STATED,
            Level.MODEL,
        ),
        "exfoliation_energy": (  # without dispersion layers hardly bind
            Level.EXPERIMENT,
            Level.MANY_BODY,
            Level.VAN_DER_WAALS,
            Level.META_GGA,
            Level.HSE06,
            Level.HYBRID,
            Level.GGA_U,
            Level.GGA,
            Level.LDA,
            Level.NOT_STATED,
            Level.POTENTIAL_DISPERSION,
            Level.RELAXED_POTENTIAL,
            Level.POTENTIAL,
            Level.MODEL,
        ),
    }
)
"""By kind of property, levels of theory in the order in which values count."""


def ranked_levels(kind: str, first: tuple[str, ...] = ()) -> tuple[Level, ...]:
    """Order of the levels for a kind of property, some of them put first."""
    usual = METHODS.get(kind, METHODS[ANY_KIND])
    chosen = tuple(Level(name) for name in first)
    return (*chosen, *(level for level in usual if level not in chosen))


@lru_cache(maxsize=16384)
def rank(kind: str, method: str, first: tuple[str, ...] = ()) -> int:
    """Place of a method among those of a property; 0 goes first.

    Parameters
    ----------
    kind
        Kind of property.
    method
        Name of the method, as values carry it.
    first
        Levels that go before the usual ones, as a campaign may want it.

    Examples
    --------
    >>> [rank("band_gap", method) for method in ("experiment, 298 K", "HSE06", "PBE")]
    [0, 1, 6]
    """
    levels = parse_method(method).levels
    order = ranked_levels(kind, first)
    place = next((number for number, level in enumerate(order) if level in levels), len(order))
    return 2 * place + method.endswith(KNOWN_FIRST) if kind == "energy_above_hull" else place
