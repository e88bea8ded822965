"""Stage `potential-stability`: lowest vibration and least stiffness by one potential, of what passes the gates before.

What potentials say together is the matter of `stability-values`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from ....models.potential.interface import Potential
from ....models.potential.stability import vibrations as vibrating
from ....models.potential.stability.elastic import Stiffness, stiffness
from ....models.potential.stability.soft_modes import Distortion, follow
from ....models.potential.stability.symmetric_relaxation import primitive
from ....models.potential.stability.verdict import Verdict, verdict_on_frequency
from ....models.potential.stability.vibrations import Vibrations, vibrations
from ....models.structure.serialization import from_plain, to_plain
from ....models.structure.vacuum import thickest_gap
from ....stores.canonical import content_hash
from ....stores.documents import Candidate, Property
from ...engine.batches import Batch, Doc, Item, Outcome
from ...engine.selection.group_members import Members
from ...engine.selection.group_stage import GroupStage
from ..potential import known_potentials
from ..potential.potential_stage import not_installed, stage_name

FREQUENCY, STIFFNESS = "lowest_frequency", "least_stiffness"
"""Kinds of property, THz and GPa (of layers N/m), as one potential gives them."""
KINDS: Final = {"dynamic_stability": FREQUENCY, "elastic_stability": STIFFNESS}
"""What is made of them, by the field of candidates that gates look at."""
WAYS: Final = {FREQUENCY: "doubled cell", STIFFNESS: "small strains"}
PAYS: Final = 0.001
"""eV/atom that a distortion has to win to be kept."""
_NOWHERE: Final = 1_000_000
_PLACES: Final = [
    {
        "$let": {
            "vars": {"place": {"$indexOfArray": ["$gates.field", field]}},
            "in": {"$cond": [{"$lt": ["$$place", 0]}, _NOWHERE, "$$place"]},
        }
    }
    for field in KINDS
]
PASSES_UP_TO_STABILITY: Final[Doc] = {"$expr": {"$gte": ["$gates_passed", {"$min": _PLACES}]}}
"""Candidates that come as far as their campaign's first gate on stability, whatever that makes of them."""
_EVALUATION: Final = 1
"""Raised whenever the same structure gives other numbers."""
_KNOWN: Final = "known"
_DIGITS: Final = 3
_DEFAULT: Final = known_potentials.DEFAULT


def stability_method(potential: Potential, kind: str) -> str:
    """Name of the method of a value of one of the kinds here."""
    return f"{potential.name}, {WAYS[kind]}"


class PotentialStabilityStage(GroupStage):
    """Writes the lowest vibration and the least stiffness of candidates that come as far as a gate on stability.

    Each is relaxed within its symmetry before. What was evaluated once is not again as long as the structure is the
    same, whatever its verdicts become. A soft vibration is followed, and what the structure becomes is kept with it.

    Parameters
    ----------
    potential
        Name of the potential.
    """

    version = 1
    groups_per_batch = 2  # each process takes a part of a batch, and one structure may take ten times as long as others
    writes: ClassVar = {Property: "value"}
    writes_kinds = (FREQUENCY, STIFFNESS)
    members = (
        Members(
            Candidate,
            "structure_id",
            ("verdict",),
            ("structure", "dimension"),
            PASSES_UP_TO_STABILITY,
        ),
    )

    def __init__(self, *, potential: str = _DEFAULT, share: Doc | None = None) -> None:
        self.potential = known_potentials.potential(potential)
        self.name = stage_name("stability", self.potential, relax=False)
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Which potential."""
        return {"potential": self.potential.slug}

    def config(self) -> Doc:
        """What the values depend on."""
        return {"model": self.potential.name}

    def select(self) -> Iterator[Batch]:
        """Yield what is due; nothing where the potential, or phonopy, is not installed."""
        if not (self.potential.is_installed() and vibrating.is_installed()):
            self.total = 0
            missing = not self.potential.is_installed()
            self.report.note = not_installed(self.potential) if missing else vibrating.NOT_INSTALLED
            return
        yield from super().select()

    def batch_of(self, names: list[str]) -> Batch:
        """A batch of groups with what is known of their structures already, though it be of a former time."""
        batch = super().batch_of(names)
        ids = [self._property_id(item.key, kind) for item in batch.items for kind in WAYS]
        stored = self.db.database["properties"].find(
            {"property_id": {"$in": ids}},
            {"_id": 0, "property_id": 1, "value": 1, "refused": 1, "details": 1, "structure": 1, "unit": 1, "kind": 1},
        )
        known: dict[str, Doc] = {doc["property_id"]: doc for doc in stored}
        for item in batch.items:
            own = [known.get(self._property_id(item.key, kind), {}) for kind in WAYS]
            if all(doc.get("details", {}).get("request") == self._request(item) for doc in own):
                item.content[_KNOWN] = own
        return batch

    def process(self, items: list[Item]) -> list[Outcome]:
        """Evaluate a batch of structures; one that can't be keeps the reason beside the missing value."""
        new = [item for item in items if _KNOWN not in item.content]
        documents = dict(zip((item.key for item in new), self._evaluated(new), strict=True))
        for item in items:
            if item.key not in documents:
                documents[item.key] = [self._document(item, one["kind"], one) for one in item.content[_KNOWN]]
        return [{"properties": documents[item.key]} for item in items]

    def _evaluated(self, items: list[Item]) -> list[list[Doc]]:
        candidates = [item.content["candidates"][0] for item in items]
        flat = [candidate.get("dimension") == 2 for candidate in candidates]
        structures = [primitive(from_plain(candidate["structure"])) for candidate in candidates]
        found = vibrations(structures, self.potential, monolayer=flat)
        fit = [i for i, one in enumerate(found) if one.failure is None]
        stiff = dict(
            zip(
                fit,
                stiffness([found[i].structure for i in fit], self.potential, monolayer=[flat[i] for i in fit]),
                strict=True,
            )
        )
        soft = [i for i in fit if verdict_on_frequency(found[i].softest[0]) is not Verdict.STABLE]
        distorted = dict(zip(soft, follow([found[i] for i in soft], self.potential), strict=True))
        return [
            [
                self._document(item, FREQUENCY, _of_vibrations(found[i], distorted.get(i))),
                self._document(item, STIFFNESS, _of_stiffness(found[i], stiff.get(i), flat=flat[i])),
            ]
            for i, item in enumerate(items)
        ]

    def _request(self, item: Item) -> str:
        """Hash of all that the values depend on."""
        candidate = item.content["candidates"][0]
        return content_hash([_EVALUATION, self.potential.name, candidate.get("dimension") == 2, candidate["structure"]])

    def _property_id(self, structure_id: str, kind: str) -> str:
        return f"{structure_id}/{kind}/{stability_method(self.potential, kind)}"

    def _document(self, item: Item, kind: str, found: Doc) -> Doc:
        doc = {
            "property_id": self._property_id(item.key, kind),
            "structure_id": item.key,
            "kind": kind,
            "method": stability_method(self.potential, kind),
            "basis": "potential",
            "value": found.get("value"),
            "unit": found["unit"],
            "refused": found.get("refused"),
            "structure": found.get("structure"),
            "details": {**found.get("details", {}), "request": self._request(item)},
            "made_of": [item.key],
        }
        return {name: content for name, content in doc.items() if content is not None or name == "value"}


def _of_vibrations(found: Vibrations, distortion: Distortion | None) -> Doc:
    if found.failure is not None:
        return {"unit": "THz", "refused": found.failure}
    lowest, q_point = found.softest
    details: dict[str, Any] = {
        "verdict": verdict_on_frequency(lowest).value,
        "q_point": list(q_point),
        "q_points": found.q_points.tolist(),
        "frequencies": found.frequencies.round(_DIGITS).tolist(),
        "displacements": found.displacements,
        "size": round(_size(found), _DIGITS),
    }
    doc: Doc = {"value": round(lowest, _DIGITS), "unit": "THz", "details": details}
    if distortion is None:
        return doc
    if distortion.structure is None or distortion.won is None:
        details["distortion"] = {"failure": distortion.failure}
        return doc
    details["distortion"] = {
        "won": round(distortion.won, 5),
        "space_group": distortion.space_group,
        "repeats": list(distortion.repeats),
    }
    return {**doc, "structure": to_plain(distortion.structure)} if distortion.won > PAYS else doc


def _of_stiffness(found: Vibrations, stiff: Stiffness | None, *, flat: bool) -> Doc:
    unit = "N/m" if flat else "GPa"
    if stiff is None or stiff.tensor is None:
        return {"unit": unit, "refused": found.failure if stiff is None else stiff.failure}
    details = {"stiffness": stiff.tensor.round(1).tolist()}
    return {"value": round(stiff.least, 2), "unit": unit, "details": details}


def _size(found: Vibrations) -> float:
    """Å^3 per atom, of a layer Å^2."""
    per_atom = float(found.structure.volume) / len(found.structure)
    return per_atom / thickest_gap(found.structure).height if found.monolayer else per_atom
