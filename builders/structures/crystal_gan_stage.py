"""Stage `crystal-gan-structures`: crystals of wanted compositions from the newest Crystal GAN of a layout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pymatgen.core.structure import Structure
from pymongo.client_session import ClientSession

from ...models.crystal_gan.crystals.layout_compositions import OxidationRule, compositions
from ...models.crystal_gan.generation import generate
from ...models.crystal_gan.generators import read_generator
from ...models.learning.loop import mixed_seed
from ...models.structure.point_cloud_layouts import Layout, find_layout
from ...models.structure.validity.rule import ValidityRule
from ...stores.bookkeeping import stage_states
from ...stores.documents import ProposedStructure
from ...stores.documents.base import labelled
from ...stores.errors import ConfigurationError
from ..engine.batches import Batch, Doc, Item, Outcome
from ..engine.channels import Channel
from ..engine.stage import Stage
from ..properties.potential import known_potentials
from ..training import trained
from . import proposed_structure
from .proposed_structure import Proposal, checked

KIND = "crystal-gan"
ROUTE = "crystal-gan"


class CrystalGanStage(Stage):
    """Generates so many distinct, valid crystals of every composition that an oxidation rule allows.

    What an earlier model made stays. A run that is cut off goes on with the next composition.

    Parameters
    ----------
    layout
        Name or data of the layout.
    rule
        Element, least and most of its oxidation state, and the states of the others; None allows every composition.
    cells
        Compositions as atoms per cell in the layout's order, instead of all that the rule allows.
    reduced
        Of all that the rule allows those only whose counts have no common divisor.
    structures
        Crystals wanted of each composition.
    of
        Draw so many valid crystals of each composition and keep those of lowest energy by the potential, lowest first;
        None, or where the potential is not installed: the first.
    potential
        Name of that potential.
    max_draws
        Draws for one composition at most; None: 200 for each crystal wanted, and at least 10 for each of `of`.
    seed
        Seed of the draws.
    model
        Id of the model; the newest there is without.
    request
        Of the newest models that only which was trained as this asks.
    label
        Of these settings, beside others of the layout.
    """

    version = 4
    writes: ClassVar = {ProposedStructure: "proposal"}
    orphans = "kept"
    selects_ahead = True

    def __init__(
        self,
        *,
        layout: str | Doc,
        rule: Doc | None = None,
        cells: list[list[int]] | None = None,
        reduced: bool = False,
        structures: int = 30,
        of: int | None = None,
        potential: str = known_potentials.DEFAULT,
        max_draws: int | None = None,
        seed: int = 0,
        model: str | None = None,
        request: str | None = None,
        label: str = "",
        share: Doc | None = None,
    ) -> None:
        self.layout: Layout = find_layout(layout)
        self.rule = rule
        self.cells = cells
        self.reduced = reduced
        self.structures = structures
        self.of = of
        self.potential = potential
        self.max_draws = max_draws
        self.seed = seed
        self.model = model
        self.request = request
        self.label = label
        self.name = labelled(f"crystal-gan-structures:{self.layout.name}", label)
        self.wanted = self._wanted()
        super().__init__(share=share)

    def _wanted(self) -> list[tuple[int, ...]]:
        if self.cells is not None:
            return [self.layout.counts(cell) for cell in self.cells]
        return compositions(self.layout, OxidationRule(**self.rule) if self.rule else None, reduced=self.reduced)

    def arguments(self) -> Doc:
        """Settings."""
        return {**self.config(), "request": self.request, "label": self.label}

    def config(self) -> Doc:
        """What decides which crystals come."""
        names = ("rule", "cells", "reduced", "structures", "of", "max_draws", "seed", "model")
        settings = {"layout": self.layout.to_dict(), **{name: getattr(self, name) for name in names}}
        other = self.of is not None and known_potentials.label(self.potential)
        return {**settings, "potential": self.potential} if other else settings

    def reads(self) -> tuple[Channel, ...]:
        """Trained models of its kind."""
        return (Channel("trained_models", "training", frozenset([KIND])),)

    def is_unfinished(self, state: Doc) -> bool:
        """Whether a pass was cut off before all compositions were written."""
        return 0 < int((state.get("partial") or {}).get("done", 0)) < len(self.wanted)

    @property
    def size(self) -> int:
        """Compositions in a batch: few, because each is much work."""
        return 1

    def before_run(self) -> None:
        """Find the model.

        Raises
        ------
        NoModel
            There is none of the id that was given.
        ConfigurationError
            It is of another layout.
        """
        if self.model is not None:
            config = trained.need(self.db, KIND, self.model)["config"]
            if config["layout"] != self.layout.to_dict():
                raise ConfigurationError(
                    f"model {self.model} is of layout {_described(find_layout(config['layout']))}, "
                    f"the campaign's is {_described(self.layout)}",
                    "Name a model of this layout (exfolio query trained_models), or none and let one be trained.",
                )
        else:
            query: Doc = {"kind": KIND, "deprecated": False, "config.layout": self.layout.to_dict()}
            query |= {"request": self.request} if self.request is not None else {}
            newest = self.db.database["trained_models"].find_one(query, sort=[("created_at", -1)])
            self.model = newest["model_id"] if newest else None

    def select(self) -> Iterator[Batch]:
        """Yield the compositions that nothing was generated of yet by this model.

        Raises
        ------
        ConfigurationError
            There is no such potential.
        """
        self.total = 0
        if self.model is None:
            self.report.note = f"left out: no {KIND} of layout {self.layout.name} has been trained"
            return
        done = int((self.state.get("partial") or {}).get("done", 0))
        self.total = len(self.wanted) - done
        if self.of is not None and not (chooser := known_potentials.potential(self.potential)).is_installed():
            why = f"{chooser.name} is not installed ({chooser.remedy})"
            self.report.note = f"the first ones are kept, not the lowest: {why}"
        origins = [{"collection": "trained_models", "id": self.model}]
        for place in range(done, len(self.wanted)):
            number = list(self.wanted[place])
            yield Batch(0, [Item(f"{self.model} {self.seed} {number}", number, origins)], mark={"done": place + 1})

    def read_lookup(self) -> trained.Packed | None:
        """Read the generator."""
        return None if self.model is None else trained.packed(self.db, KIND, self.model)

    def process(self, items: list[Item]) -> list[Outcome]:
        """Generate the crystals of each composition."""
        return [{"structures": self._of(item.content)} for item in items]

    def _of(self, number: list[int]) -> list[Doc]:
        model_id = self.model or ""
        seed = mixed_seed(self.seed, int("".join(f"{n:02d}" for n in number)))
        model = trained.unpacked(self.lookup, read_generator)
        chosen: dict[str, Any] = {}
        if self.of is not None and known_potentials.potential(self.potential).is_installed():
            chosen = {"of": self.of, "energies": self._energies}
        generated = generate(model, number, self.structures, seed, max_draws=self.max_draws, **chosen)
        condition = dict(zip(self.layout.elements, number, strict=True))
        facts: dict[str, Any] = {"dimension": 3, "condition": condition, "seed": self.seed}
        facts |= {"drawn": generated.drawn, "drawn_valid": generated.valid}
        by = f" by {self.potential}" if known_potentials.label(self.potential) else ""
        which = f"{number} {self.seed}" + (f" lowest of {self.of}{by}" if chosen else "")
        return proposed_structure.documents(
            ROUTE,
            [
                Proposal(structure, model_id, f"{which} {rank}", rank, dict(facts), _checks(structure))
                for rank, structure in enumerate(generated.structures, 1)
            ],
        )

    def _energies(self, structures: list[Structure]) -> list[float | None]:
        results = known_potentials.potential(self.potential).evaluate(structures, forces=False)
        return [result.energy_per_atom for result in results]

    def apply_mark(self, mark: Doc, session: ClientSession) -> None:
        """Note how many compositions are done."""
        stage_states.set_partial(self.db, self.name, mark, token=self.current_run.token, session=session)


def _checks(structure: Structure) -> dict[str, bool | Doc]:
    symbols = [site.specie.symbol for site in structure]
    checks = ValidityRule().checks(symbols, structure.lattice.matrix, structure.frac_coords)
    return {check.name: checked(check) for check in checks}


def _described(layout: Layout) -> str:
    slots = ", ".join(f"{number} {element}" for element, number in zip(layout.elements, layout.slots, strict=True))
    return f"{layout.name} ({slots})"
