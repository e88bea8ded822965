"""What the newest predictor in the registry says of the space groups of compositions; nothing where none is trained.

It is noted with the structures of templates, and ranks those of bulk crystals; docs/measured/templates.md says what
that did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Final

from ...models.composition.formula.parsing import parse_or_report
from ...stores.connection import Connection

KIND_OF_DIMENSION: Final = {2: "space-groups", 3: "space-groups-bulk"}
RANKED_DIMENSIONS: Final = (3,)
"""For bulk crystals ranking by space groups helps, for layers it costs first places (docs/measured/templates.md)."""


def guesses(connection: Connection, formulas: Sequence[str], *, dimension: int) -> dict[str, Mapping[int, float]]:
    """Probability of each space group that the predictor knows, by number, for each composition.

    Parameters
    ----------
    connection
        The registry.
    formulas
        Compositions; what cannot be read is left out.
    dimension
        2 for layers, 3 for bulk crystals.

    Raises
    ------
    ConfigurationError
        The weights of the predictor are damaged.
    """
    kind = KIND_OF_DIMENSION[dimension]
    if connection.database["trained_models"].find_one({"kind": kind, "deprecated": False}, {"_id": 1}) is None:
        return {}
    from ...models.structure.symmetry.lattice_predictor import unpack  # both bring torch, which takes seconds
    from ..training import trained

    model = trained.need(connection, kind)
    predictor = trained.load(connection, model["kind"], model["model_id"], unpack)
    _, bad = parse_or_report(formulas)
    good = [formula for place, formula in enumerate(formulas) if place not in bad and formula.strip()]
    numbers = [int(number) for number in predictor.known_groups]
    probabilities = predictor.space_group_probability(good)
    return {
        formula: dict(zip(numbers, row.tolist(), strict=True)) for formula, row in zip(good, probabilities, strict=True)
    }


def ranking_weights(probabilities: Mapping[int, float] | None, dimension: int) -> dict[int, float] | None:
    """Weight of templates by their space group, the root of its probability; None where it ranks nothing."""
    if probabilities is None or dimension not in RANKED_DIMENSIONS:
        return None
    return {number: sqrt(probability) for number, probability in probabilities.items()}
