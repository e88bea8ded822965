"""Kinds ``space-groups`` and ``space-groups-bulk``: which space group and cell a composition takes, of layers or bulk.

Two kinds, because layers and crystals are predicted apart; the newest of each is what is applied.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import ClassVar, Final

from pymatgen.core.structure import Structure

from ...models.composition.formula.formulas import UnknownElement, UnparsableFormula
from ...models.structure.serialization import BadStructure, from_plain
from ...models.structure.symmetry.lattice_predictor import LatticeConfig, UnfitStructures, fit
from ...models.structure.symmetry.lattice_report import cross_validate
from ...models.structure.symmetry.structure_cells import TOLERANCE, conventional
from ...models.structure.vacuum import is_monolayer_cell
from ...stores.connection import Connection
from ...stores.query.language.fields import fields_of
from ...stores.query.language.filter import compile_filter
from .model_kind import Desk, Doc, Kind, Stopped, TooLittleData, Trained, TrainingError, TrainingSet, settled

_OWN: Final[Doc] = {"folds": 5, "tolerance": TOLERANCE}
_FEWEST: Final = 10
_AT_ONCE: Final = 500
_DIGITS: Final = 6


class SpaceGroupsKind(Kind):
    """Learns from the structures of layers.

    Settings beside those of `LatticeConfig`: ``folds`` of the cross validation by reduced formula that is measured
    beside, 0 for none; ``tolerance`` (Å) of symmetry.
    """

    name = "space-groups"
    dimension: ClassVar[int] = 2
    default_queries: ClassVar[dict[str, str]] = {"materials": ""}

    def settle(self, config: Doc) -> Doc:
        """Complete a config.

        Raises
        ------
        ValueError
            A setting can't be meant; says what would be right.
        """
        own, rest = settled(config, _OWN)
        folds, tolerance = own["folds"], own["tolerance"]
        if not isinstance(folds, int) or isinstance(folds, bool) or folds < 0 or folds == 1:
            raise ValueError(f"folds is 0 or at least 2, not {folds!r}")
        if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not tolerance > 0:
            raise ValueError(f"tolerance is above 0 Å, not {tolerance!r}")
        if rest.setdefault("dimension", self.dimension) != self.dimension:
            raise ValueError(f"{self.name} is of dimension {self.dimension}; layers and bulk are kinds of their own")
        return {**LatticeConfig.from_dict(rest).to_dict(), **own}

    def describe_settings(self) -> str:
        """Name the settings."""
        settings = {**LatticeConfig(dimension=self.dimension).to_dict(), **_OWN}
        return "Settings: " + ", ".join(f"{name}={value}" for name, value in settings.items())

    def draw(self, connection: Connection) -> TrainingSet:
        """Draw space groups and cells of the structures of this dimensionality, each distinct one once.

        Raises
        ------
        TooLittleData
            Too few compositions have a structure of this dimensionality.
        """
        seen: set[tuple[str, int, tuple[float, ...]]] = set()
        counts = {"structures": 0, "without_symmetry": 0, "others": 0}
        for structure, claimed in self._structures(connection):
            vacuum = is_monolayer_cell(structure)
            if (2 if vacuum and claimed != 3 else 3) != self.dimension or claimed not in (None, self.dimension):
                counts["others"] += 1
                continue
            symmetrised = conventional(structure, dimension=self.dimension, tolerance=self.config["tolerance"])
            if symmetrised is None:
                counts["without_symmetry"] += 1
                continue
            counts["structures"] += 1
            number, cell = symmetrised
            formula = str(structure.composition.reduced_formula)
            seen.add((formula, number, tuple(round(value, _DIGITS) for value in cell)))
        learnt = sorted(seen)
        formulas = [triple[0] for triple in learnt]
        described = {**counts, "learnt": len(learnt), "compositions": len(set(formulas))}
        described["space_groups"] = len({triple[1] for triple in learnt})
        if described["compositions"] < _FEWEST:
            kind = "layers" if self.dimension == 2 else "bulk crystals"
            raise TooLittleData(
                f"the structures of {kind} that match {self.queries} are of {described['compositions']} compositions; "
                f"{self.name} needs {_FEWEST}",
                "Ingest materials with structures, or give another filter.",
            )
        content: Doc = {"formulas": formulas, "space_groups": [triple[1] for triple in learnt]}
        return TrainingSet({**content, "lattices": [list(triple[2]) for triple in learnt]}, described)

    def train(self, content: Doc, seed: int, desk: Desk) -> Trained:
        """Cross-validate where wanted, then fit to all.

        Raises
        ------
        Stopped
            Somebody asked to stop.
        TrainingError
            There are too few compositions for the folds.
        """
        begun = time.perf_counter()
        config = LatticeConfig.from_dict({name: value for name, value in self.config.items() if name not in _OWN})
        given = content["formulas"], content["space_groups"], content["lattices"], config
        folds = self.config["folds"]

        def say(done: int, _of: int) -> None:
            if desk.progress is not None:
                desk.progress(done, folds + 1, {})
            if desk.stop is not None and desk.stop():
                raise Stopped

        try:
            metrics: Doc = {}
            if folds:
                judged = cross_validate(*given, folds=folds, seed=seed, progress=say)
                metrics = {**judged["figures"], "cross_validation": judged}
            predictor = fit(*given, seed=seed)
        except (UnfitStructures, UnparsableFormula, UnknownElement) as error:
            raise TrainingError(f"{self.name}: {error}", "Ingest more structures, or set fewer folds.") from None
        if desk.progress is not None:
            desk.progress(folds + 1, folds + 1, {})
        return Trained(predictor.pack(), metrics, [], time.perf_counter() - begun)

    def _structures(self, connection: Connection) -> Iterator[tuple[Structure, int | None]]:
        """Ordered structures, with what their sources say of their dimensionality."""
        match: Doc = {"deprecated": False, "structure": {"$exists": True}, "disordered": {"$ne": True}}
        criteria = {"$and": [match, compile_filter(self.queries["materials"], fields_of("materials"))]}
        projection = {"_id": 0, "structure": 1, "material_id": 1, "dimension_claimed": 1}
        documents = connection.database["materials"].find(criteria, projection)
        for doc in documents.sort("material_id", 1).batch_size(_AT_ONCE):
            try:
                structure = from_plain(doc["structure"], isotopes="refuse")
            except BadStructure:  # stage `layers` has put it into quarantine
                continue
            if structure.is_ordered:
                yield structure, doc.get("dimension_claimed")


class BulkSpaceGroupsKind(SpaceGroupsKind):
    """Learns from the structures of bulk crystals."""

    name = "space-groups-bulk"
    dimension: ClassVar[int] = 3
