"""Stage `exfoliation-errors`: how large errors of exfoliation energies by potentials are, by what this registry knows.

Layers whose exfoliation energy a source or a calculation states, by a functional with dispersion, are compared with
what potentials say of them. Of a class with too few of them that holds on which was measured beforehand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import ClassVar, Final

from ....models.calculation.methods import Level, parse_method
from ....models.energetics.calibration import LEAST, KnownError, calibration
from ....models.energetics.error_intervals import COVERAGE, scale
from ....stores.canonical import content_hash
from ....stores.documents import Property, TrainedModel
from ...engine.batches import Batch, Doc, Item, Outcome
from ...engine.selection.group_members import Members
from ...engine.selection.group_stage import GroupStage
from . import known_potentials
from .exfoliation_errors import ALL, KIND, bonding_class, errors_of, model_id, plain_errors
from .layer_energies_stage import BINDING, BULK, STACK, WITH_DISPERSION, layer_method

STAGE: Final = "exfoliation-errors"
_BASES: Final = ("calculation", "same-structure", "parent")
"""Of values that are known of the layer itself, or of the bulk it was cut from."""
_POTENTIALS: Final = (Level.POTENTIAL_DISPERSION, Level.RELAXED_POTENTIAL, Level.POTENTIAL, Level.MODEL)
_OTHER_SCALES: Final = frozenset((Level.EXPERIMENT, Level.MANY_BODY, *_POTENTIALS))
"""What says nothing of errors on the scale of van der Waals functionals, on which the threshold of 0.2 eV/atom lies."""
_WORST: Final = 5


class ExfoliationCalibrationStage(GroupStage):
    """Writes, as one document of `trained_models`, the errors of exfoliation energies by some potentials.

    Parameters
    ----------
    potentials
        Names of the potentials, of whose values the mean counts.
    relax
        Whether layers and bulks were relaxed.
    """

    version = 1
    writes: ClassVar = {TrainedModel: "training"}
    writes_kinds = (KIND,)

    def __init__(
        self, potentials: Sequence[str] = (WITH_DISPERSION,), *, relax: bool = False, share: Doc | None = None
    ) -> None:
        self.potentials = tuple(sorted(set(potentials)))
        self.relax = relax
        self.name = f"{STAGE}{'-relaxed' if relax else ''}:{'+'.join(self.potentials)}"
        self._methods = {
            against: [
                layer_method(known_potentials.potential(name), relax=relax, against=against) for name in self.potentials
            ]
            for against in (BULK, STACK)
        }
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Which potentials, and how they were used."""
        return {"potentials": list(self.potentials), "relax": self.relax}

    def config(self) -> Doc:
        """What the errors depend on beside the values: the methods, and what was measured beforehand."""
        bundled = {against: self._bundled(against) for against in (BULK, STACK)}
        return {"methods": self._methods, "bundled": bundled, "least": LEAST}

    def _bundled(self, against: str) -> Doc:
        return {
            group: plain_errors(model, bundled=True)
            for group, model in errors_of(self.potentials, relax=self.relax, against=against).items()
        }

    def sources_of_members(self) -> tuple[Members, ...]:
        """Read exfoliation energies that are known, and what the potentials say."""
        facts = ("structure_id", "method", "value")
        known: Doc = {"kind": "exfoliation_energy", "basis": {"$in": list(_BASES)}}
        methods = [method for against in (BULK, STACK) for method in self._methods[against]]
        return (
            Members(Property, "structure_id", ("value",), (*facts, "basis", "low", "high", "lacks"), fixed=known),
            Members(
                Property,
                "structure_id",
                ("value",),
                (*facts, "details.elements"),
                fixed={"kind": BINDING, "method": {"$in": methods}},
            ),
        )

    def affected(self, source: Members, names: set[str]) -> set[str]:  # noqa: ARG002
        """One error model of all layers."""
        return {self.name} if names else set()

    def batch_of(self, names: list[str]) -> Batch:
        """Make one item of all layers of which something is known."""
        of_known, of_said = self.sources_of_members()
        known = self._read(of_known, {})
        said = self._read(of_said, {"structure_id": {"$in": sorted({doc["structure_id"] for doc in known})}})
        content = {"group": names[0], "known": known, "said": said}
        return Batch(0, [Item(names[0], content, [{"collection": "group", "id": names[0]}])])

    def _read(self, source: Members, which: Doc) -> list[Doc]:
        fields = {"_id": 0, **dict.fromkeys(source.fields, 1)}
        found = source.at_one_moment(self.db.database).find({**source.query(), **which}, fields)
        return sorted(found, key=lambda doc: (doc["structure_id"], doc["method"]))

    def process(self, items: list[Item]) -> list[Outcome]:
        """Measure the errors."""
        return [{"trained_models": [self._document(item.content)]} for item in items]

    def _document(self, content: Doc) -> Doc:
        known = best_known(content["known"])
        rows = {against: list(self._rows(content["said"], known, against)) for against in (BULK, STACK)}
        metrics = {against: self._errors(rows[against], against) for against in (BULK, STACK)}
        together = [row for of_side in rows.values() for row in of_side]
        worst = sorted(together, key=lambda row: -abs(row["value"] - row["known"]))[:_WORST]
        return {
            "model_id": model_id(self.potentials, relax=self.relax),
            "kind": KIND,
            "config": {**self.arguments(), "coverage": COVERAGE, "least": LEAST},
            "seed": 0,
            "data_hash": content_hash(together),
            "data": {
                "known values": {against: len(of_side) for against, of_side in rows.items()},
                "by": sorted(Counter(row["by"] for row in together).items()),
                "farthest off": worst,
            },
            "metrics": metrics,
        }

    def _rows(self, said: list[Doc], known: dict[str, Doc], against: str) -> Sequence[Doc]:
        by_layer: dict[str, dict[str, Doc]] = {}
        for doc in said:
            if doc.get("value") is not None and doc["method"] in self._methods[against]:
                by_layer.setdefault(doc["structure_id"], {})[doc["method"]] = doc
        rows = []
        for layer, by_method in by_layer.items():
            if layer not in known or len(by_method) < len(self.potentials):
                continue
            values = [doc["value"] for doc in by_method.values()]
            value, spread = sum(values) / len(values), max(values) - min(values)
            stated = known[layer]
            score = float(abs(stated["value"] - value) / scale(value, spread))
            group = bonding_class(next(iter(by_method.values()))["details"]["elements"])
            rows.append({"structure": layer, "of": group, "value": value, "known": stated["value"],
                         "by": stated["method"], "score": score})  # fmt: skip
        return rows

    def _errors(self, rows: Sequence[Doc], against: str) -> Doc:
        """Error models by class: the registry's own where it knows enough, else those measured beforehand."""
        by_class: dict[str, list[KnownError]] = {ALL: []}
        for row in rows:
            for group in (ALL, row["of"]):
                by_class.setdefault(group, []).append(KnownError(row["structure"], row["score"]))
        own = {group: calibration(errors) for group, errors in sorted(by_class.items())}
        return self._bundled(against) | {
            group: plain_errors(found.errors, without=found.without) for group, found in own.items() if found
        }


def best_known(docs: list[Doc]) -> dict[str, Doc]:
    """The exfoliation energy of each layer that is known best on the scale of van der Waals functionals."""
    usable = [
        doc
        for doc in docs
        if doc.get("value") is not None
        and not doc.get("lacks")
        and (doc.get("low") is None) == (doc.get("high") is None)
        and not _OTHER_SCALES.intersection(parse_method(doc["method"]).levels)
    ]
    best: dict[str, Doc] = {}
    for doc in sorted(usable, key=lambda doc: (Property.BASES.index(doc["basis"]), doc["value"], doc["method"])):
        best.setdefault(doc["structure_id"], doc)
    return best
