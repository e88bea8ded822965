"""What a campaign says of compositions: how they are drawn, screened and judged, and by which models."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated, Any

from mongoengine import BooleanField, FloatField, IntField, StringField
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from ...models.composition.oxidation_states import OxidationStateSetName
from ...stores.documents import Composition
from .gates import Gate

JUDGED = (
    "nelements",
    "times_drawn",
    "charge_neutral",
    "electronegativity_balanced",
    "all_metals",
    "novel",
    "p_2d",
    "predicted_formation_energy",
    "predicted_formation_energy_std",
)
"""Fields of a composition that a gate can look at."""
_COMPARED_WITH = {BooleanField: bool, StringField: str, IntField: float, FloatField: float}


def _looks_at_a_composition(gate: Gate) -> Gate:
    name = f"gate {gate.name!r}"
    if gate.field not in JUDGED:
        close = get_close_matches(gate.field, JUDGED, n=2)
        remedy = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(JUDGED)}"
        raise ValueError(f"{name}: a composition is not judged by {gate.field!r}; {remedy}")
    wanted = _COMPARED_WITH[type(Composition._fields[gate.field])]
    value = gate.between[0] if gate.between else gate.threshold[1]
    if type(value) is not wanted:
        right = "is: true or is: false" if wanted is bool else "at_most, at_least, below, above or between"
        raise ValueError(f"{name}: {gate.field} is compared by {right}, not by {gate.condition!r}")
    if gate.routes is not None:
        raise ValueError(f"{name}: compositions have no route; leave routes out")
    return gate


CompositionGate = Annotated[Gate, AfterValidator(_looks_at_a_composition)]
"""A gate on a field that compositions have, with a condition that such a field can meet."""


class ModelSettings(BaseModel):
    """A model that a refresh trains where none of these settings has been trained yet; later data don't change that."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    config: dict[str, Any] = Field(
        default_factory=dict, description="settings of the model; exfolio train KIND --settings lists them"
    )
    filters: dict[str, str] = Field(
        default_factory=dict, description="what its training set is drawn from, as OPTIMADE filters on materials"
    )
    seed: int = Field(0, ge=0, description="seed of all random numbers")
    train: bool = Field(default=True, description="false: take what exfolio train made, never train in a refresh")
    use: str | None = Field(None, description="id of the trained model to apply; the newest of its kind without")


class Compositions(BaseModel):
    """Generated compositions: drawn by a MatGAN, screened, classified, judged."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    draws: int = Field(2_000_000, ge=1, le=100_000_000, description="how often to draw a composition")
    seed: int = Field(0, ge=0, description="seed of the draws")
    oxidation_states: OxidationStateSetName = Field(
        "smact_default", description="set of oxidation states for the screens"
    )
    energies_from: float | None = Field(
        0.5, ge=0, le=1, description="predict formation energies of balanced compositions from this P(2D) on; null: all"
    )
    matgan: ModelSettings = ModelSettings()
    classifier: ModelSettings = ModelSettings()
    roost: ModelSettings = ModelSettings()
    gates: tuple[CompositionGate, ...] = Field(description="conditions on compositions, in order")

    @field_validator("gates")
    @classmethod
    def _some(cls, gates: Sequence[Gate]) -> Sequence[Gate]:
        if not gates:
            raise ValueError("give at least one gate; a composition that passes all is worth a structure")
        names = [gate.name for gate in gates]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two gates are called {name!r}")
        return gates
