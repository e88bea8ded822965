"""Phase diagrams and Pourbaix diagrams of what the registry holds, as figures of matplotlib.

phase_diagram(connection, "Fe-Li-O").savefig("Fe-Li-O.png")
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from ...models.calculation.methods import without_settings
from ...models.composition.formula.single_formula import read_one
from ...models.energetics.aqueous import REFERENCE_STATE, gibbs_energies
from ...models.energetics.corrections.schemes import Scheme
from ...models.energetics.diagrams.phase_diagram import DiagramError, drawable, plot_phase_diagram, position_of
from ...models.energetics.diagrams.pourbaix_map import pourbaix_map
from ...models.energetics.diagrams.pourbaix_plot import plot_pourbaix
from ...models.energetics.formation import MissingReferenceError
from ...models.energetics.hull import HullPosition
from ...models.energetics.ions import IonDataError, MissingReferenceSolidError, ions_of
from ...models.energetics.pourbaix import (
    CONCENTRATION,
    PH_RANGE,
    POTENTIAL_VS_RHE,
    PourbaixEntry,
    PourbaixError,
    PourbaixMinimum,
    entries_with_ions,
    solid_entry,
)
from ...models.energetics.pourbaix_entries import OPEN
from ...models.energetics.pourbaix_interval import Uncertainties, formula_of_solid, interval
from ...stores.connection import Connection
from ..properties.hulls.hull_entries import snapshot
from ..properties.hulls.known_hull_stage import EXPERIMENT, family, snapshot_of_known
from ..properties.hulls.limits import KNOWN_ENTRIES, KNOWN_MATERIALS
from ..properties.potential.formation_errors import FormationErrors
from ..properties.pourbaix_limits import limited_ends
from ..properties.pourbaix_solids import (
    WATER,
    hydrogen_warning,
    lowest_of_each,
    solids_in_water,
    solids_of_entries,
    solids_of_materials,
    why_not_in_water,
)
from ..properties.pourbaix_stage import PourbaixStage
from .diagram_phases import (
    Asked,
    NoDiagram,
    asked_about,
    first_principles_phases,
    known_materials,
    potential_energies,
    system_phases,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN_PH: Final = (-2.0, 16.0)
DRAWN_POTENTIAL: Final = (-1.5, 2.5)
"""V against the standard hydrogen electrode."""
_POINTS: Final = (361, 321)


class _Drawn:
    """What is drawn when somebody looks: `draw` with `narrow` for a phone, `figure` for all else."""

    __slots__ = ()
    draw: Callable[..., Figure]

    @property
    def figure(self) -> Figure:
        """The diagram as a figure of matplotlib."""
        return self.draw()


@dataclass(frozen=True, slots=True)
class PhaseDiagramReport(_Drawn):
    """A phase diagram; `position` is that of the structure it is about, if there is one."""

    draw: Callable[..., Figure]
    system: str
    method: str
    snapshot: str
    formula: str | None = None
    position: HullPosition | None = None


@dataclass(frozen=True, slots=True)
class PourbaixReport(_Drawn):
    """A Pourbaix diagram.

    Of the solid it is about, if there is one: `minimum` is the least decomposition energy, `low` and `high` the ends of
    its interval (eV/atom), one alone where it is a bound.
    """

    draw: Callable[..., Figure]
    system: str
    method: str
    snapshot: str
    formula: str | None = None
    minimum: PourbaixMinimum | None = None
    low: float | None = None
    high: float | None = None


def phase_diagram(connection: Connection, name: str, *, scheme: Scheme | str = Scheme.MP2020) -> PhaseDiagramReport:
    """Draw the phase diagram of a chemical system, or the one a structure stands in.

    Parameters
    ----------
    name
        A chemical system such as ``Fe-Li-O``, or the id of a candidate, a structure or a known material, which is
        marked, with its distance to the hull and what it decomposes into.
    scheme
        Correction scheme of reference entries and calculations.

    Raises
    ------
    NoDiagram
        Energies are missing, or there are more than four elements; says what to do.
    """
    asked = asked_about(connection, name)
    competing = system_phases(connection, asked, Scheme(scheme))
    marked = asked.phase
    method = f"{competing.method}; {competing.snapshot}"
    # The marked structure is drawn once, as what it is.
    others = [
        phase
        for phase in competing.phases
        if not (phase.ours and marked and _same(phase.formation_energy, asked.energy))
    ]
    draw = partial(plot_phase_diagram, others, asked.elements, marked=marked, method=method)
    try:
        drawable(others, asked.elements, marked)
    except DiagramError as error:
        remedy = "Ask for a system of two to four elements, such as Fe-Li-O."
        raise NoDiagram(str(error), remedy) from error
    position = position_of(marked, [phase for phase in competing.phases if not phase.ours]) if marked else None
    system = "-".join(asked.elements)
    return PhaseDiagramReport(draw, system, competing.method, competing.snapshot, asked.formula, position)


def _same(first: float, second: float | None) -> bool:
    return second is not None and abs(first - second) < 1e-9


def pourbaix_diagram(
    connection: Connection,
    name: str,
    *,
    ph: tuple[float, float] = PH_RANGE,
    potential_vs_rhe: float = POTENTIAL_VS_RHE,
    concentration: float = CONCENTRATION,
    filter_solids: bool = False,
    ions: str | None = None,
    scheme: Scheme | str = Scheme.MP2020,
) -> PourbaixReport:
    """Draw the Pourbaix diagram of a chemical system, or the one a structure decomposes in.

    Parameters
    ----------
    connection
        The registry.
    name
        A chemical system such as ``Mn-O``, or the id of a candidate, a structure or a known material, whose
        decomposition energy is drawn, and its minimum along the potential marked.
    ph, potential_vs_rhe
        Range of pH and potential (V) of that minimum.
    concentration
        Of ions, mol/l.
    filter_solids
        Take only solids on the hull.
    ions
        File of ions; the bundled table without.
    scheme
        Correction scheme of reference entries.

    Raises
    ------
    NoDiagram
        Energies or ions are missing; says what to do.
    ConfigurationError
        The file of ions can't be read.
    """
    asked = asked_about(connection, name)
    # It knows which parts of the registry the ions need.
    stage = PourbaixStage(
        ph, potential_vs_rhe, concentration, filter_solids=filter_solids, ions=ions, scheme=Scheme(scheme)
    )
    metals = sorted(set(asked.elements) - OPEN)
    without = [metal for metal in metals if not any(metal in ion.elements for ion in stage.ions)]
    if without or not metals:
        why = f"no dissolved ions of {', '.join(without)} are known" if without else f"{name} is nothing but water"
        raise NoDiagram(why, "Give ions of your own: --ions FILE, in the form of aqueous_ions.json.")
    found = _solids(connection, asked, stage)
    solids, method, origin = found.energies, found.method, found.origin
    if refusal := why_not_in_water(method):
        raise NoDiagram(refusal, f"Choose another: --scheme {Scheme.MP2020.value}.")
    target = _target(asked, name, solids)
    x, y = np.linspace(*DRAWN_PH, _POINTS[0]), np.linspace(*DRAWN_POTENTIAL, _POINTS[1])
    try:
        entries = entries_with_ions(solids_in_water(solids), stage.ions, metals)
        drawn = pourbaix_map(
            entries, x, y, target=target, elements=metals, concentration=concentration, filter_solids=filter_solids
        )
        minimum, ends = _minimum(entries, target, asked, found, stage) if target else (None, {})
        if ends and found.errors is None:
            ends = limited_ends(ends, metals, _known(connection, asked, stage), solids)
    except MissingReferenceSolidError as error:
        remedy = "Ingest entries or formation energies of these solids, or give ions without them: --ions FILE."
        raise NoDiagram(str(error), remedy) from error
    except IonDataError as error:
        raise NoDiagram(str(error), "Correct the file of ions.") from error
    except PourbaixError as error:
        raise NoDiagram(str(error), "exfolio query materials shows which solids are known.") from error
    below = [f"solids: {method}; {origin}; ions: {ions or 'bundled table'}", REFERENCE_STATE]
    if warning := hydrogen_warning(solids, measured=method == EXPERIMENT):
        below.append(warning)
    told = f"{concentration:g} mol/l of ions" + (", solids on the hull only" if filter_solids else "")
    draw = partial(
        plot_pourbaix,
        drawn,
        title=f"Pourbaix diagram of {'-'.join(metals)} in water, {told}",
        target=asked.formula,
        minimum=minimum,
        interval=(ends.get("low"), ends.get("high")),
        energies_by=method,
        potential_vs_rhe=potential_vs_rhe if target else None,
        method="\n".join(below),
    )
    return PourbaixReport(draw, "-".join(asked.elements), method, origin, asked.formula, minimum, **ends)


def _target(asked: Asked, name: str, solids: Mapping[str, float]) -> PourbaixEntry | None:
    if asked.formula is None or asked.energy is None:
        return None
    (gibbs,) = gibbs_energies([asked.formula], [asked.energy], water=solids.get(WATER))
    if gibbs.energy is None:
        raise NoDiagram(f"{asked.formula}: {gibbs.refusal}", "Ask for a compound of other elements.")
    return solid_entry(asked.formula, gibbs.energy, entry_id=name)


def _minimum(
    entries: list[PourbaixEntry],
    target: PourbaixEntry,
    asked: Asked,
    solids: _Solids,
    stage: PourbaixStage,
) -> tuple[PourbaixMinimum, dict[str, float]]:
    """Least decomposition energy, and the ends of its interval, as the stage has them."""
    (minimum,) = stage.minima(entries, [target])
    (other,) = stage.minima_without_own_solid(entries, [target], [minimum])
    formulas = {formula_of_solid(entry) for entry in (*entries, target) if entry.phase == "solid"}
    elements = {*asked.elements, *OPEN}
    water, measured = solids.energies.get(WATER), solids.method == EXPERIMENT
    uncertain = Uncertainties(formulas, ions_of(stage.ions, elements), water=water, measured=measured)
    (stable,) = stage.minima(entries, [target], filter_solids=True)
    *found, by_stable = ((one.energy, uncertain.of(target, one)) for one in (minimum, other, stable) if one is not None)
    energy, ends = asked.energy or 0.0, (asked.low, asked.high)
    if solids.errors is not None:  # what it gets wrong in all that meets here, not in the structure's energy alone
        ends = solids.errors.in_water.around(energy)
    return minimum, interval(found, energy, ends, by_stable=by_stable)


def _known(connection: Connection, asked: Asked, stage: PourbaixStage) -> Iterator[dict[str, Any]]:
    """Compounds that any source knows, of the diagram's elements."""
    for collection, members in (("materials", KNOWN_MATERIALS), ("reference_entries", KNOWN_ENTRIES)):
        systems = stage.parts_of("-".join(asked.elements), connection.database[collection].distinct("chemsys"))
        query = {**members.criteria, "chemsys": {"$in": systems}, "deprecated": False}
        names = {"_id": 0, "chemsys": 1, **dict.fromkeys(members.fields, 1)}
        yield from connection.database[collection].find(query, names)


class _Solids(NamedTuple):
    """Formation energies of solids by formula, their method, where they come from, and the errors of a potential."""

    energies: dict[str, float]
    method: str
    origin: str
    errors: FormationErrors | None = None


def _solids(connection: Connection, asked: Asked, stage: PourbaixStage) -> _Solids:
    system = "-".join(asked.elements)
    if asked.basis == "potential":
        return _solids_of_potential(connection, asked, stage)
    if asked.basis in (None, "calculation"):
        known = connection.database["reference_entries"].distinct("chemsys", {"deprecated": False})
        by_method = first_principles_phases(connection, stage.parts_of(system, set(known)), stage.scheme).references
        usual = max(sorted(by_method), key=lambda method_name: len(by_method[method_name]), default="")
        method = without_settings(asked.method) if asked.method else usual
        try:
            solids = solids_of_entries(by_method.get(method, []))
        except MissingReferenceError as error:
            raise NoDiagram(str(error), "Ingest entries of the elements too.") from error
        if set(asked.elements) <= {element for formula in solids for element in read_one(formula)}:
            return _Solids(solids, method, snapshot(by_method[method]))
    if asked.basis != "calculation":
        known = connection.database["materials"].distinct("chemsys", {"deprecated": False})
        by_family = known_materials(connection, stage.parts_of(system, set(known)))
        method = (
            family(asked.method)
            if asked.method
            else max(sorted(by_family), key=lambda family_name: len(by_family[family_name]), default="")
        )
        if by_family.get(method):
            solids = solids_of_materials(by_family[method], list(asked.elements))
            return _Solids(solids, method, snapshot_of_known(by_family[method]))
    raise NoDiagram(
        f"no energies of solids of {system}{f' by {asked.method}' if asked.method else ''} are stored",
        "Ingest entries (exfolio ingest entries.json --kind entries) or formation energies (docs/sources.md) of the "
        "system, its elements and its oxides.",
    )


def _solids_of_potential(connection: Connection, asked: Asked, stage: PourbaixStage) -> _Solids:
    """As `_solids`, by the potential that the energy of the structure asked about is by."""
    known = connection.database["reference_entries"].distinct("chemsys", {"deprecated": False})
    systems = stage.parts_of("-".join(asked.elements), set(known))
    elements = {*asked.elements, *(symbol for system in systems for symbol in system.split("-"))}
    found = potential_energies(connection, systems, elements, asked.method)
    if found is None:
        raise NoDiagram(
            f"no energies of the elements {', '.join(sorted(elements))} by {asked.method} are known",
            "exfolio refresh computes them, of a campaign with a potential.",
        )
    pairs = [(element, 0.0) for element in asked.elements if element not in OPEN]
    solids = lowest_of_each([*pairs, *((doc["formula_reduced"], energy) for doc, energy in found.energies)])
    method = f"{found.method}, an interatomic potential, not DFT"
    return _Solids(solids, method, f"{len(found.energies)} known materials", found.errors)
