"""How often the template route finds known structures again that were left out of its library, alone or by family.

The registry's own templates are taken, a sample of them one after another for what is to be found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ....models.evaluation.relatives import family
from ....models.evaluation.shares import Share
from ....models.structure.serialization import BadStructure, to_plain
from ....models.structure.templates import NoTemplateError, predict
from ....models.structure.templates.library import Template, TemplateLibrary
from ....stores.canonical import text_hash
from ....stores.connection import Connection
from ...materials.known_structures import KnownStructures
from ...structures.template_loading import load_templates
from .route_records import CRYSTAL, LAYER

ROUTE: Final = "template"
TOPS: Final = (1, 5, 10)
"""Of how many predictions one has to be right."""
WAYS: Final[dict[str, Callable[[str], object]]] = {"composition": lambda formula: formula, "family": family}
"""What is left out with a structure: all of its composition; all of the same amounts, elements of the same groups."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """Known structures that were found again.

    Attributes
    ----------
    dimension
        2 for layers, else 3.
    left_out
        What was left out of the library, a key of `WAYS`.
    found
        By how many predictions were looked at: of those tried, those with the structure itself among them.
    without
        Of those tried, those for which no template was left.
    """

    dimension: int
    left_out: str
    found: dict[int, Share]
    without: int


def recovered(connection: Connection, most: int) -> list[Recovered]:
    """Predict known structures from the templates that are left without them, by dimension and what is left out.

    Parameters
    ----------
    connection
        The registry, with templates.
    most
        Structures tried of each dimension, drawn by the hash of their ids; each takes some tenths of a second.
    """
    results = []
    for dimension in (LAYER, CRYSTAL):
        library = load_templates(connection, dimension=dimension)
        tried = sorted(library.templates, key=lambda template: text_hash(template.template_id))[:most]
        for left_out, alike in WAYS.items():
            if tried:
                ranks = [_rank(template, library, alike) for template in tried]
                found = {top: _share([rank is not None and 0 < rank <= top for rank in ranks]) for top in TOPS}
                results.append(Recovered(dimension, left_out, found, sum(rank is None for rank in ranks)))
    return results


def _rank(target: Template, library: TemplateLibrary, alike: Callable[[str], object]) -> int | None:
    """Place of the prediction that is right, from 1; 0 where none of them is, None where there are no templates."""
    wanted = alike(target.formula)
    left = library.without(one.template_id for one in library.templates if alike(one.formula) == wanted)
    try:
        structure = library.structure_of(target.template_id)
        predictions = predict(target.formula, left, max(TOPS), dimension=target.dimension)
    except (NoTemplateError, BadStructure):
        return None
    known = KnownStructures([{"material_id": target.template_id, "structure": to_plain(structure)}])
    right = (known.first_same(prediction.structure) is not None for prediction in predictions)
    return next((rank for rank, is_right in enumerate(right, 1) if is_right), 0)


def _share(right: list[bool]) -> Share:
    return Share(sum(right), sum(right), sum(right), len(right))
