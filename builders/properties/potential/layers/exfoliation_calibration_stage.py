"""Stage `exfoliation-errors`: how large errors of exfoliation energies by potentials are, by what a registry knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from .....models.calculation.methods import Level
from .....models.energetics.reliability.calibration import LEAST
from .....models.energetics.reliability.error_intervals import COVERAGE, scale
from .....stores.canonical import content_hash
from .....stores.documents import Property
from ....engine.batches import Doc
from ....engine.selection.group_members import Members
from .. import known_potentials
from ..calibration_stage import CalibrationStage
from ..error_models import BASES, WORST, best_known, own_errors, plain_errors
from .exfoliation_errors import ALL, KIND, bonding_class, bundled_errors, half_width, model_id
from .layer_energies_stage import BINDING, BULK, STACK, WITH_DISPERSION, layer_method

STAGE: Final = "exfoliation-errors"
_OTHER_SCALES: Final = (Level.EXPERIMENT, Level.MANY_BODY)
"""What says nothing of errors on the scale of van der Waals functionals, on which the threshold of 0.2 eV/atom lies."""


class ExfoliationCalibrationStage(CalibrationStage):
    """Writes the errors of exfoliation energies by some potentials.

    Parameters
    ----------
    potentials
        Names of the potentials, of whose values the mean counts.
    relax
        Whether layers and bulks were relaxed.
    """

    version = 1
    writes_kinds = (KIND,)

    def __init__(
        self, potentials: Sequence[str] = (WITH_DISPERSION,), *, relax: bool = False, share: Doc | None = None
    ) -> None:
        self.potentials = tuple(sorted(set(potentials)))
        self.relax = relax
        self.name = f"{STAGE}{'-relaxed' if relax else ''}:{'+'.join(self.potentials)}"
        made = [known_potentials.potential(name) for name in self.potentials]
        self._methods = {
            against: [layer_method(potential, relax=relax, against=against) for potential in made]
            for against in (BULK, STACK)
        }
        self._bundled = {
            against: bundled_errors(self.potentials, relax=relax, against=against) for against in (BULK, STACK)
        }
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Which potentials, and how they were used."""
        return {"potentials": list(self.potentials), "relax": self.relax}

    def config(self) -> Doc:
        """What the errors depend on beside the values: the methods, and what was measured beforehand."""
        return {"methods": self._methods, "bundled": self._bundled, "least": LEAST}

    def known_values(self) -> Members:
        """Exfoliation energies that are known of layers, or of the bulk they were cut from."""
        fields = ("structure_id", "kind", "method", "value", "basis", "low", "high", "lacks", "stale")
        fixed: Doc = {"kind": "exfoliation_energy", "basis": {"$in": list(BASES)}}
        return Members(Property, "structure_id", ("value",), fields, fixed=fixed)

    def said_values(self) -> Members:
        """What each potential says of layers."""
        methods = [method for against in (BULK, STACK) for method in self._methods[against]]
        fields = ("structure_id", "kind", "method", "value", "details.elements")
        fixed: Doc = {"kind": BINDING, "method": {"$in": methods}}
        return Members(Property, "structure_id", ("value",), fields, fixed=fixed)

    def document(self, known: list[Doc], said: list[Doc]) -> Doc:
        """Measure the errors against bulks and of stacks, by class of bonding."""
        best = best_known(known, not_by=_OTHER_SCALES)
        rows = {against: list(self._rows(said, best, against)) for against in (BULK, STACK)}
        together = [row for of_side in rows.values() for row in of_side]
        metrics = {
            against: self._bundled[against]
            | {
                group: plain_errors(found.errors, half_width=half_width(found.errors), without=found.without)
                for group, found in own_errors(rows[against], groups=(ALL,)).items()
            }
            for against in (BULK, STACK)
        }
        return {
            "model_id": model_id(self.potentials, relax=self.relax),
            "kind": KIND,
            "config": {**self.arguments(), "coverage": COVERAGE, "least": LEAST},
            "seed": 0,
            "data_hash": content_hash(together),
            "data": {
                "known": {against: len(of_side) for against, of_side in rows.items()},
                "by": [list(pair) for pair in sorted(Counter(row["by"] for row in together).items())],
                "farthest off": sorted(together, key=lambda row: (-row["score"], row["structure"]))[:WORST],
            },
            "metrics": metrics,
        }

    def _rows(self, said: list[Doc], known: dict[str, Doc], against: str) -> Iterator[Doc]:
        by_layer: dict[str, dict[str, Doc]] = {}
        for doc in said:
            if doc.get("value") is not None and doc["method"] in self._methods[against]:
                by_layer.setdefault(doc["structure_id"], {})[doc["method"]] = doc
        for layer, by_method in by_layer.items():
            if layer not in known or len(by_method) < len(self.potentials):
                continue
            values = [doc["value"] for doc in by_method.values()]
            value, spread = sum(values) / len(values), max(values) - min(values)
            stated = known[layer]
            score = float(abs(stated["value"] - value) / scale(value, spread))
            group = bonding_class(next(iter(by_method.values()))["details"]["elements"])
            row = {"structure": layer, "of": group, "value": value, "known": stated["value"]}
            yield {**row, "by": stated["method"], "score": score}
