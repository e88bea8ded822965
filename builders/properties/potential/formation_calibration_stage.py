"""Stage `potential-errors`: errors of formation energies and hull distances by a potential, by what a registry knows.

It reads what `potential-values` writes, whose intervals follow it; the values stay as they are, so both come to rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from ....models.calculation.methods import Level
from ....models.energetics.reliability.calibration import LEAST
from ....models.energetics.reliability.error_intervals import COVERAGE
from ....stores.canonical import content_hash
from ....stores.documents import Property
from ....stores.documents.base import labelled
from ...engine.batches import Doc
from ...engine.selection.group_members import Members
from . import known_potentials
from .calibration_stage import CalibrationStage
from .error_models import WORST, best_known, own_errors, plain_errors
from .formation_errors import ALL, KIND, FormationErrors, anion_classes, model_id
from .known_potentials import DEFAULT
from .potential_stage import by_name, method_name, stage_name

_KINDS: Final = ("formation_energy", "energy_above_hull")
_BASES: Final = ("calculation", "same-structure", "known hull")
_LEVELS: Final = (Level.EXPERIMENT, Level.META_GGA, Level.CORRECTED_GGA)
"""Of formation energies that are compared as they are: those of functionals without corrections lie beside."""
_COMPARED: Final = "formation energies and hull distances"


class FormationCalibrationStage(CalibrationStage):
    """Writes the errors of formation energies and hull distances by a potential.

    Parameters
    ----------
    relax
        Whether the energies are of relaxed structures.
    potential
        Name of the potential.
    label
        Of the settings of the values.
    """

    version = 2
    writes_kinds = (KIND,)

    def __init__(
        self, *, relax: bool = False, potential: str = DEFAULT, label: str = "", share: Doc | None = None
    ) -> None:
        self.relax = relax
        self.potential = known_potentials.potential(potential)
        self.label = label
        self.name = labelled(stage_name("errors", self.potential, relax=relax), label)
        self._method = method_name(self.potential, relax=relax, label=label)
        self._bundled = {
            group: plain_errors(model, half_width=model.quantile, bundled=True)
            for group, model in FormationErrors(self.potential.slug, relax=relax).by_class.items()
            if model.size
        }
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Which values."""
        return {**by_name(self.potential), "relax": self.relax, **({"label": self.label} if self.label else {})}

    def config(self) -> Doc:
        """What the errors depend on beside the values: the method, and what was measured beforehand."""
        return {"method": self._method, "bundled": self._bundled, "least": LEAST}

    def known_values(self) -> Members:
        """Formation energies and hull distances that are known of structures."""
        fields = ("structure_id", "kind", "method", "value", "basis", "low", "high", "lacks", "stale")
        fixed: Doc = {"kind": {"$in": list(_KINDS)}, "basis": {"$in": list(_BASES)}}
        return Members(Property, "structure_id", ("value",), fields, fixed=fixed)

    def said_values(self) -> Members:
        """What the potential says of them."""
        fields = ("structure_id", "kind", "method", "value", "lacks", "details.errors.class")
        fixed: Doc = {"kind": {"$in": list(_KINDS)}, "method": self._method, "basis": "potential"}
        return Members(Property, "structure_id", ("value",), fields, fixed=fixed)

    def document(self, known: list[Doc], said: list[Doc]) -> Doc:
        """Measure the errors, by class."""
        rows = [row for kind in _KINDS for row in _rows(kind, known, said)]
        formed = [row for row in rows if row["of"] in anion_classes()]
        own = own_errors(rows) | {ALL: own_errors([{**row, "of": ALL} for row in formed]).get(ALL)}
        found = {
            group: plain_errors(of_class.errors, half_width=of_class.errors.quantile, without=of_class.without)
            for group, of_class in own.items()
            if of_class is not None
        }
        return {
            "model_id": model_id(self._method),
            "kind": KIND,
            "config": {**self.arguments(), "method": self._method, "coverage": COVERAGE, "least": LEAST},
            "seed": 0,
            "data_hash": content_hash(rows),
            "data": {
                "known": {kind: sum(row["kind"] == kind for row in rows) for kind in _KINDS},
                "by": [list(pair) for pair in sorted(Counter(row["by"] for row in rows).items())],
                "farthest off": sorted(rows, key=lambda row: (-row["score"], row["structure"]))[:WORST],
            },
            "metrics": {_COMPARED: {**self._bundled, **found}},
        }


def _rows(kind: str, known: list[Doc], said: list[Doc]) -> Iterator[Doc]:
    best = best_known([doc for doc in known if doc["kind"] == kind], _LEVELS)
    for doc in said:
        stated = best.get(doc["structure_id"])
        group = (doc.get("details") or {}).get("errors", {}).get("class")
        if doc["kind"] != kind or stated is None or doc.get("value") is None or doc.get("lacks") or group is None:
            continue
        # A distance to elements alone is the formation energy again.
        if (kind == "energy_above_hull") != (group in anion_classes()):
            facts = {"structure": doc["structure_id"], "kind": kind, "of": group, "by": stated["method"]}
            error = abs(stated["value"] - doc["value"])
            yield {**facts, "value": doc["value"], "known": stated["value"], "score": error}
