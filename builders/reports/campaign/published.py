"""The funnels that the two papers published, and what a campaign of the same kind has at each of their steps.

Numbers of the papers are those of their texts; ours are counted, with what is certain where values have intervals.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from ....models.evaluation.shares import at_most
from ....stores.connection import Connection
from ...candidates.composition_view import composition_view

Doc = dict[str, Any]

LAYERS: Final = "Song et al., ACS Appl. Mater. Interfaces 13, 53303 (2021)"
CRYSTALS: Final = "Kim et al., ACS Cent. Sci. 6, 1412 (2020)"
_OF_PAPER: Final = {LAYERS: "song2021", CRYSTALS: "kim2020"}
"""Their entries in the bundled bibliography."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a funnel.

    Attributes
    ----------
    told
        What is counted.
    published
        How many the paper has.
    ours
        How many the campaign has, values taken as they are; None where it has no such step.
    certain
        How many of these whatever their intervals leave open; None where nothing is left open.
    """

    told: str
    published: int
    ours: int | None
    certain: int | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A paper's funnel beside a campaign's; `beware` says what differs between the two beside the numbers."""

    paper: str
    steps: list[Step]
    beware: str

    @property
    def key(self) -> str:
        """Of the paper in the bundled bibliography."""
        return _OF_PAPER[self.paper]


def beside_published(connection: Connection, campaign: Doc, candidates: Iterable[Doc]) -> Comparison | None:
    """The paper's funnel beside a campaign's.

    Parameters
    ----------
    connection
        The registry.
    campaign
        The campaign as plain data, as it was refreshed last.
    candidates
        Its current ones: route, novel, formula_reduced, energies, `lows`, `highs` and `status`.

    Returns
    -------
    Comparison or None
        None where it follows neither paper: it draws no compositions and no crystals.
    """
    routes = campaign.get("routes") or {}
    if any(routes.get(name) is not None for name in ("crystal-gan", "crystal_gan")):
        return _crystals([doc for doc in candidates if doc.get("route") == "crystal-gan"])
    drawn = campaign.get("compositions")
    if campaign.get("dimension", 2) == 2 and drawn is not None and not (
        drawn.get("formulas") or drawn.get("formulas_from")
    ):  # fmt: skip
        return _layers(connection, campaign["name"], [doc for doc in candidates if doc.get("route") == "template"])
    return None


def _layers(connection: Connection, name: str, candidates: list[Doc]) -> Comparison | None:
    view = composition_view(connection, name)
    if view is None:
        return None
    compositions, mine, p_2d = connection.database["compositions"], view.criteria(), view.path("p_2d")
    likely, likelier = (compositions.count_documents({**mine, p_2d: {"$gte": least}}) for least in (0.5, 0.95))
    bound = {doc["formula_reduced"]: _side(doc, "formation_energy", 0.0) for doc in sorted(candidates, key=_surest)}
    steps = [
        Step("compositions generated", 2_650_624, compositions.count_documents(mine)),
        Step("probability of 2D at least 0.5", 267_489, likely),
        Step("probability of 2D at least 0.95", 1_485, likelier),
        Step("of any probability, with a structure from a template", 101, len(bound)),
        Step("of these bound: formation energy below 0", 92, *_counted(bound.values())),
    ]
    return Comparison(
        LAYERS,
        steps,
        "Probabilities are by each one's own classifier; the paper counts every composition drawn, here those that are "
        "distinct. It made structures of some of its likeliest ones. Energies there are by DFT, here by the methods "
        "named below.",
    )


def _crystals(candidates: list[Doc]) -> Comparison:
    new = [doc for doc in candidates if doc.get("novel")]

    def near(limit: float) -> tuple[int, int | None]:
        return _counted(_side(doc, "energy_above_hull", limit) for doc in new)

    steps = [
        Step("structures generated, for new compositions", 6_000, len(candidates)),
        Step("new, at most 0.2 eV/atom above the hull", 753, *near(0.2)),
        Step("new, at most 0.08 eV/atom above the hull", 113, *near(0.08)),
        Step("stable enough in water, and with a gap of 1.6 to 3.0 eV", 23, _promoted(candidates)),
    ]
    return Comparison(
        CRYSTALS,
        steps,
        "The paper counts every structure drawn and relaxed by DFT, here those distinct and valid that the campaign "
        "kept, new crystals of known compositions among them, with energies by the methods named below.",
    )


def _promoted(candidates: list[Doc]) -> int:
    return sum(doc["status"] == "promoted" for doc in candidates)


def _side(doc: Doc, name: str, limit: float) -> tuple[bool, bool | None]:
    """Whether a value is at most a limit as it stands, and whatever its interval; False where it is not known."""
    value = doc.get(name)
    if value is None:
        return False, False
    low, high = ((doc.get(ends) or {}).get(name) for ends in ("lows", "highs"))
    return value <= limit, at_most(limit, value, low, high)


def _surest(doc: Doc) -> tuple[bool, bool]:
    """The surest last, so that it is the one kept of a formula."""
    by_value, certain = _side(doc, "formation_energy", 0.0)
    return certain is True, by_value


def _counted(sides: Iterable[tuple[bool, bool | None]]) -> tuple[int, int | None]:
    told = list(sides)
    by_value, certain = sum(value for value, _ in told), sum(sure is True for _, sure in told)
    return by_value, None if certain == by_value else certain
