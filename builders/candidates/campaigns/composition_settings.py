"""What a campaign says of compositions: how they are drawn, screened and judged, and by which models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from ....models.composition.oxidation_state_names import OxidationStateSetName
from ....stores.documents import Composition
from .gate_fields import checked_field, first_double
from .gates import Gate

JUDGED = (
    "nelements",
    "times_drawn",
    "charge_neutral",
    "electronegativity_balanced",
    "all_metals",
    "novel",
    "p_2d",
    "ion_familiarity",
    "predicted_formation_energy",
    "predicted_formation_energy_std",
)
"""Fields of a composition that a gate can look at."""


def _looks_at_a_composition(gate: Gate) -> Gate:
    checked_field(gate, Composition, what="compositions", allowed=JUDGED)
    if gate.routes is not None:
        raise ValueError(f"gate {gate.name!r}: compositions have no route; leave routes out")
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


class WishSettings(BaseModel):
    """What drawn compositions are to be like; the share of these that each is does not change by it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    containing: tuple[str, ...] = Field((), description="elements that each holds")
    only: tuple[str, ...] = Field((), description="elements that each may hold; any without")
    balanced: bool = Field(default=False, description="true: only those whose charges and electronegativities balance")
    near: str | None = Field(None, description="formula that each lies near")
    within: float = Field(2.0, gt=0, description="largest element mover's distance from it, in steps of the scale")

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        from ....models.composition.matgan.wish import Wish  # half a second, for campaigns that have one

        Wish(containing=self.containing, only=self.only, balanced=self.balanced, near=self.near, within=self.within)
        return self


class Compositions(BaseModel):
    """Compositions drawn by a MatGAN, or of a person's own list; screened, classified, judged."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    formulas: tuple[str, ...] = Field((), description="compositions of your own; nothing is drawn then")
    formulas_from: str | None = Field(
        None, description="text file of compositions of your own, one formula a line; nothing is drawn then"
    )
    draws: int = Field(2_000_000, ge=1, le=100_000_000, description="how often to draw a composition")
    seed: int = Field(0, ge=0, description="seed of the draws")
    wish: WishSettings | None = Field(None, description="what they are to be like; anything without")
    oxidation_states: OxidationStateSetName = Field(
        "smact_default", description="set of oxidation states for the screens"
    )
    energies_from: float | None = Field(
        0.5,
        ge=0,
        le=1,
        description="familiarity of ions and formation energies of balanced compositions from this P(2D) on; null: all",
    )
    matgan: ModelSettings = ModelSettings()
    classifier: ModelSettings = ModelSettings()
    roost: ModelSettings = ModelSettings()
    gates: tuple[CompositionGate, ...] = Field(description="conditions on compositions, in order")

    @field_validator("formulas_from")
    @classmethod
    def _wherever_it_is_refreshed(cls, file: str | None) -> str | None:
        return None if file is None else str(Path(file).expanduser().absolute())

    @model_validator(mode="after")
    def _wished_of_draws(self) -> Self:
        if self.wish is not None and self.are_listed:
            raise ValueError("a wish is of what is drawn, and of a list nothing is; leave out one of them")
        return self

    @property
    def are_listed(self) -> bool:
        """Whether they are of a list, and none is drawn."""
        return bool(self.formulas) or self.formulas_from is not None

    @field_validator("gates")
    @classmethod
    def _some(cls, gates: Sequence[Gate]) -> Sequence[Gate]:
        if not gates:
            raise ValueError("give at least one gate; a composition that passes all is worth a structure")
        if (double := first_double(gates)) is not None:
            raise ValueError(f"two gates are called {gates[double].name!r}")
        return gates
