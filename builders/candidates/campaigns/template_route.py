"""Settings of the template route, as a campaign's file gives them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TemplateRoute(BaseModel):
    """Structures of promising compositions, by the known structures of others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dimension: Literal[2, 3] | None = Field(
        None, description="2: monolayers from monolayers, 3: bulk from bulk; null: what the campaign judges"
    )
    structures: int = Field(10, ge=1, le=100, description="structures per composition, the likeliest")
    min_p_2d: float | None = Field(
        0.95, ge=0, le=1, description="compositions less likely to form a 2D material are left alone; null: none are"
    )
    max_predicted_formation_energy: float | None = Field(
        0.0, description="eV/atom; compositions predicted above it are left alone; null: none are"
    )
    match_structures: bool = Field(
        default=True,
        description="tell structures of a composition apart by comparing atoms; false: by prototypes alone, quicker",
    )
    new: bool = Field(
        default=False, description="leave out structures known of their composition; false: they come first, and say so"
    )
