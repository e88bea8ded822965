"""Kind ``crystal-gan``: generators of crystals of a wanted composition, learnt from those of one chemical system."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

import numpy as np
from pymatgen.core.structure import Structure

from ...models.crystal_gan.crystals.cell_augmentation import NoTrainingData
from ...models.crystal_gan.crystals.layout_compositions import family
from ...models.crystal_gan.crystals.substitution_into_layout import substituted_into
from ...models.crystal_gan.diffusion.config import DiffusionConfig, settings_from
from ...models.crystal_gan.gan.config import CrystalGanConfig
from ...models.crystal_gan.generators import make_learner
from ...models.learning.device import choose
from ...models.structure.point_cloud import counts, encode_many, unfit
from ...models.structure.point_cloud_layouts import Layout
from ...models.structure.serialization import BadStructure, from_plain
from ...stores.connection import Connection
from ...stores.query.language.fields import fields_of
from ...stores.query.language.filter import compile_filter
from .model_kind import Desk, Doc, Kind, TooLittleData, Trained, TrainingError, TrainingSet, learn, settled

_OWN: Final[Doc] = {"substitute": True, "held_out": []}
_AT_ONCE: Final = 500
_DIGITS: Final = 8


class CrystalGanKind(Kind):
    """Learns from the structures of a layout's chemical system, and from others with its elements put into them.

    Settings beside those of the profile (`CrystalGanConfig`, `DiffusionConfig`): ``substitute`` (whether structures of
    other systems are used, as Kim et al. did), ``held_out`` (reduced formulas none of which is learnt, so that finding
    them again can be tested).
    """

    name = "crystal-gan"
    version = 2  # shares of valid draws are by the rule learnt from real crystals
    default_queries: ClassVar[dict[str, str]] = {"materials": "", "others": 'elements HAS "O"'}

    def settle(self, config: Doc) -> Doc:
        """Complete a config; ``profile`` names the one to begin with: paper, published-code or diffusion.

        Raises
        ------
        ValueError
            A setting can't be meant; says what would be right.
        """
        own, rest = settled(config, _OWN)
        if not isinstance(own["held_out"], list):
            raise ValueError(f"held_out is a list of formulas, not {own['held_out']!r}")
        return {**settings_from(rest).to_dict(), **own}

    def describe_settings(self) -> str:
        """Name the settings."""
        profiles = {"paper": CrystalGanConfig().to_dict(), "diffusion": DiffusionConfig().to_dict()}
        told = "; ".join(
            f"of profile {name}: " + ", ".join(f"{name}={value}" for name, value in {**settings, **_OWN}.items())
            for name, settings in profiles.items()
        )
        return f"Settings {told}"

    @property
    def layout(self) -> Layout:
        """Elements and slots."""
        return Layout.from_dict(self.config["layout"])

    def draw(self, connection: Connection) -> TrainingSet:
        """Draw the structures that fit into the layout, as point clouds.

        Raises
        ------
        TooLittleData
            No structure fits the layout.
        """
        layout = self.layout
        system: Doc = {"chemsys": layout.chemical_system}
        own = list(_structures(connection, self.queries["materials"], system))
        other: list[Structure] = []
        if self.config["substitute"]:
            elsewhere: Doc = {"chemsys": {"$ne": layout.chemical_system}, "nelements": len(layout.elements)}
            others = _structures(connection, self.queries["others"], elsewhere)
            other = list(substituted_into(others, layout))
        held_out = {_family(layout, formula) for formula in self.config["held_out"]}
        described: Doc = {"structures": len(own), "substituted": len(other)}
        kept: list[Structure] = []
        too_large = 0
        for structures in (own, other):
            reasons = unfit(structures, layout)
            too_large += len(reasons)
            kept += [structure for i, structure in enumerate(structures) if i not in reasons]
        cells = encode_many(kept, layout)
        learnt = [
            cell for cell, number in zip(cells, counts(cells, layout), strict=True)
            if family(tuple(int(n) for n in number)) not in held_out
        ]  # fmt: skip
        described |= {"do_not_fit": too_large, "held_out": len(cells) - len(learnt), "learnt": len(learnt)}
        if not learnt:
            raise TooLittleData(
                f"crystal-gan: of {len(own)} structures of {layout.chemical_system} and {len(other)} substituted ones "
                f"none fits layout {layout.name}",
                "Ingest structures of the system, or of other oxides that can be substituted into it.",
            )
        rows = np.round(np.array(learnt), _DIGITS)
        return TrainingSet({"layout": layout.to_dict(), "cells": rows.tolist()}, described)

    def train(self, content: Doc, seed: int, desk: Desk) -> Trained:
        """Train on the drawn cells.

        Raises
        ------
        TrainingError
            There are too few cells for a batch.
        """
        config = settings_from({name: value for name, value in self.config.items() if name not in _OWN})
        cells = np.array(content["cells"])
        try:
            learner = make_learner(config, cells, device=choose(desk.device))
            state, curve, seconds, _ = learn(learner, desk, epochs=config.epochs, seed=seed)
        except NoTrainingData as error:
            raise TrainingError(f"crystal-gan: {error}", "Ingest more structures, or set a smaller batch.") from None
        learner.load_state(state)
        return Trained(learner.model.to_bytes(), {"cells": len(cells), **curve[-1]}, curve, seconds)


def _structures(connection: Connection, query: str, further: Doc) -> Iterator[Structure]:
    match: Doc = {"deprecated": False, "structure": {"$exists": True}, "disordered": {"$ne": True}, **further}
    criteria = {"$and": [match, compile_filter(query, fields_of("materials"))]}
    documents = connection.database["materials"].find(criteria, {"_id": 0, "structure": 1, "material_id": 1})
    for doc in documents.sort("material_id", 1).batch_size(_AT_ONCE):
        try:
            yield from_plain(doc["structure"])
        except BadStructure:  # stage `layers` has put it into quarantine
            continue


def _family(layout: Layout, formula: str) -> tuple[int, ...]:
    from pymatgen.core.composition import Composition

    amounts = {str(symbol): int(n) for symbol, n in Composition(formula).get_el_amt_dict().items()}
    if set(amounts) != set(layout.elements):
        raise TrainingError(f"crystal-gan: held_out {formula} is not of {layout.chemical_system}")
    return family(tuple(amounts[element] for element in layout.elements))
