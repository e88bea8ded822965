"""What a campaign may say: sources, routes, potentials, hulls and gates, each checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ....models.composition.formula.elements import ATOMIC_NUMBERS
from ....models.energetics.corrections.schemes import Scheme
from ....models.energetics.pourbaix import CONCENTRATION, PH_RANGE, POTENTIAL_VS_RHE
from ....models.energetics.pourbaix_entries import conditions
from ....stores.documents import Candidate
from ...extensions import installed_kinds, installed_routes
from ...properties.per_atom_moment import KIND as MAGNETIZATION
from ...properties.potential import known_potentials
from ...properties.potential.layers.layer_energies_stage import WITH_DISPERSION
from .composition_settings import Compositions
from .crystal_gan_route import LISTED, CrystalGanRoute
from .gate_fields import checked_field, first_double
from .gates import FURTHER, Gate
from .ranking import Ranking
from .template_route import TemplateRoute

_NAME = r"^[a-z0-9][a-z0-9-]{0,62}$"
FROM_FILE: Final = "from file"
"""Context in which a campaign is read that a person has written. One that was accepted before may name what a package
added that is gone by now - a kind of property (``values.KIND``), a route, a potential: the rest goes on without."""


class Source(BaseModel):
    """A source that a refresh of the campaign pulls."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = Field(description="kind of source, as `exfolio ingest --help` lists them")
    options: dict[str, Any] = Field(
        default_factory=dict, description="options of its reader, e.g. path and source name"
    )


class TopDown(BaseModel):
    """Monolayers cut from layered bulk crystals."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: Literal["strength", "database", "paper"] = Field("strength", description="layer rules")
    vacuum: float = Field(20.0, gt=5, le=100, description="Å between a layer and its image")


class BottomUp(BaseModel):
    """Same-group substitution in monolayers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_once: Literal["one", "any"] = Field("any", description="replace one element at a time, or any combination")
    max_elements: int = Field(2, ge=1, le=8, description="monolayers of more elements are left alone")
    max_period_step: int | None = Field(1, ge=1, description="how many periods a replacement may be away; null: any")


class Routes(BaseModel):
    """The routes to structures; one that is not named is not taken."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    top_down: TopDown | None = Field(None, alias="top-down")
    bottom_up: BottomUp | None = Field(None, alias="bottom-up")
    template: TemplateRoute | None = None
    crystal_gan: CrystalGanRoute | None = Field(None, alias="crystal-gan")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the routes taken."""
        taken = {
            "top-down": self.top_down,
            "bottom-up": self.bottom_up,
            "template": self.template,
            "crystal-gan": self.crystal_gan,
        }
        return tuple(name for name, settings in taken.items() if settings is not None)


class Potential(BaseModel):
    """Energies by an interatomic potential, for structures nothing better is known of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(
        known_potentials.DEFAULT,
        description="the potential: chgnet (extra mlip), sevennet-0, sevennet-l3i5 (extra sevennet), or one that a "
        "package adds; each also with dispersion, as chgnet-d3",
    )
    relax: bool = Field(
        default=False, description="relax cell and positions of structures and known materials; else as they are"
    )
    reference_window: float | None = Field(
        None,
        ge=0,
        description="eV/atom above the hull of unrelaxed energies, up to which known materials are relaxed; null: all",
    )
    relax_lowest: int | None = Field(
        None,
        ge=1,
        description="of each composition only so many structures of lowest energy as proposed are relaxed; null: all",
    )
    max_steps: int = Field(200, ge=1, le=10_000, description="steps of one relaxation")
    force_tolerance: float = Field(0.1, gt=0, le=10, description="eV/Å at which a relaxation is done")
    max_seconds: float | None = Field(
        None,
        gt=0,
        description="seconds for one relaxation: what is reached then depends on the machine; null: no limit",
    )
    max_structures: int | None = Field(
        None, ge=1, description="proposed structures evaluated in one refresh, in order of their making; null: all"
    )

    @field_validator("model")
    @classmethod
    def _is_known(cls, model: str, info: ValidationInfo) -> str:
        known = known_potentials.names()
        if info.context == FROM_FILE and model not in known:
            raise ValueError(f"no potential is called {model!r}; there are: {', '.join(known)}")
        return model


class Exfoliation(BaseModel):
    """Exfoliation energies by potentials that describe dispersion, of layers that nothing better is known of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    potentials: tuple[str, ...] = Field(
        (WITH_DISPERSION,),
        min_length=1,
        description="potentials with dispersion, as chgnet-d3; of several the mean counts, surer where they agree",
    )
    relax: bool = Field(default=False, description="relax layers in their plane, and bulks; else as they are")

    @field_validator("potentials")
    @classmethod
    def _are_known(cls, potentials: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return _known_potentials(potentials, info)


class Stability(BaseModel):
    """Dynamic and elastic stability by potentials, of candidates that pass the gates before those on stability."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    potentials: tuple[str, ...] = Field(
        (known_potentials.DEFAULT, "sevennet-l3i5"),
        min_length=1,
        description="potentials; a verdict takes two that agree, one alone never decides",
    )
    distorted: bool = Field(
        default=True, description="judge what soft structures become as well, by the route `distorted`"
    )

    @field_validator("potentials")
    @classmethod
    def _are_known(cls, potentials: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return _known_potentials(potentials, info)


def _known_potentials(potentials: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    known = known_potentials.names()
    for name in potentials:
        if info.context == FROM_FILE and name not in known:
            raise ValueError(f"no potential is called {name!r}; there are: {', '.join(known)}")
    return potentials


class Hull(BaseModel):
    """How calculated energies are corrected before they meet on a hull."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scheme: Scheme = Field(Scheme.MP2020, description="correction scheme of entries and calculations")
    check_potcar: bool = Field(default=True, description="refuse calculations with other pseudopotentials")


class Pourbaix(BaseModel):
    """Conditions at which structures are judged in water."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ph: tuple[float, float] = Field(PH_RANGE, description="lowest and highest pH")
    potential_vs_rhe: float = Field(
        POTENTIAL_VS_RHE, ge=-5, le=5, description="V against the reversible hydrogen electrode"
    )
    concentration: float = Field(CONCENTRATION, gt=0, le=100, description="mol/l of dissolved ions")
    filter_solids: bool = Field(default=False, description="only solids on the hull may form")
    ions: str | None = Field(None, description="file of ions as aqueous_ions.json has them; null: the bundled table")

    @field_validator("ph")
    @classmethod
    def _ascending(cls, ph: tuple[float, float]) -> tuple[float, float]:
        if not -5 <= ph[0] <= ph[1] <= 20:
            raise ValueError(f"ph {list(ph)}: give the lowest and the highest pH")
        return ph

    @property
    def conditions(self) -> str:
        """The conditions in words, as the method of a Pourbaix energy ends."""
        return conditions(self.ph, self.potential_vs_rhe, self.concentration, filter_solids=self.filter_solids)


class Budgets(BaseModel):
    """Limits on what one campaign may make."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    candidates: int = Field(1_000_000, ge=1, description="the campaign stops with a message beyond so many structures")


_OF_STABILITY: Final = "distorted"
"""The route that `Stability` opens."""


def _is_a_route(name: str, info: ValidationInfo) -> str:
    """Check the name of a route whose structures may be judged, whoever makes them."""
    own = {field.alias or name for name, field in Routes.model_fields.items()} | {_OF_STABILITY}
    if info.context != FROM_FILE or name in own:
        return name
    added = installed_routes()
    if added is None or name in added:
        return name
    raise ValueError(f"no route is called {name!r}; there are: {', '.join(sorted(own | added))}")


Route = Annotated[str, AfterValidator(_is_a_route)]
"""Name of one of exfolio's own routes, or of one that a stage of another package makes structures by."""


def _looks_at_a_candidate(gate: Gate, info: ValidationInfo) -> Gate:
    kinds: set[str] = set()
    if gate.kind is not None and info.context != FROM_FILE:
        kinds = {gate.kind}
    elif gate.field not in Candidate._fields:
        kinds = {MAGNETIZATION} | installed_kinds()
        if gate.field in kinds:
            gate = gate.model_copy(update={"field": f"{FURTHER}.{gate.field}"})
    checked_field(gate, Candidate, what="candidates", further=[f"{FURTHER}.{kind}" for kind in sorted(kinds)])
    for route in gate.routes or ():
        try:
            _is_a_route(route, info)
        except ValueError as error:
            raise ValueError(f"gate {gate.name!r}: {error}") from None
    return gate


CandidateGate = Annotated[Gate, AfterValidator(_looks_at_a_candidate)]
"""A gate on a field that candidates have, with a condition that such a field can meet."""


class Campaign(BaseModel):
    """What is looked for, where it comes from and what it must pass."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=_NAME, description="lower case letters, digits and dashes")
    description: str = Field("", description="what is looked for, in a sentence")
    dimension: int = Field(2, ge=0, le=3, description="dimensionality of the structures it judges")
    sources: tuple[Source, ...] = Field(
        (), description="sources its refresh pulls; ingested ones are pulled again anyway"
    )
    routes: Routes = Routes()
    judges: tuple[Route, ...] = Field((), description="further routes whose structures it judges, whoever made them")
    elements: tuple[str, ...] = Field((), description="judge only structures of exactly these elements; all without")
    compositions: Compositions | None = Field(None, description="generated compositions; none without")
    gates: tuple[CandidateGate, ...] = Field(description="conditions on structures, in order")
    potential: Potential | None = Field(None, description="energies by a potential; none without")
    exfoliation: Exfoliation | None = Field(None, description="exfoliation energies by potentials; none without")
    stability: Stability | None = Field(None, description="stability by potentials; not looked at without")
    hull: Hull = Hull()
    ranking: Ranking | None = Field(None, description="which values count first; as usual without")
    pourbaix: Pourbaix | None = Field(None, description="stability in water; not looked at without")
    budgets: Budgets = Budgets()

    @model_validator(mode="after")
    def _lists_what_it_generates(self) -> Self:
        generator = self.routes.crystal_gan
        if generator is not None and generator.layout == LISTED and not (
            self.compositions is not None and self.compositions.are_listed
        ):  # fmt: skip
            raise ValueError("routes.crystal-gan, layout: listed: compositions have neither formulas nor formulas_from")
        return self

    @field_validator("elements")
    @classmethod
    def _are_elements(cls, elements: tuple[str, ...]) -> tuple[str, ...]:
        for element in elements:
            if element not in ATOMIC_NUMBERS:
                raise ValueError(f"there is no element {element!r}")
        return elements

    @field_validator("gates")
    @classmethod
    def _some_and_told_apart(cls, gates: Sequence[Gate]) -> Sequence[Gate]:
        if not gates:
            raise ValueError("a campaign has at least one gate")
        if (double := first_double(gates)) is not None:
            told = {"name": repr(gates[double].name), "index": double}
            raise PydanticCustomError("same_name", "two gates are called {name}", told)
        return gates
