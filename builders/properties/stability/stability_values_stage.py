"""Stage `stability-values`: dynamic and elastic stability by several potentials, a value where they agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

from ....models.potential.stability.verdict import Verdict, judged, verdict_on_frequency, verdict_on_stiffness
from ....stores.documents import Property
from ...engine.batches import Doc, Item, Outcome
from ...engine.selection.group_members import Members
from ...engine.selection.group_stage import GroupStage
from ..potential import known_potentials
from .potential_stability_stage import FREQUENCY, KINDS, WAYS, stability_method

STAGE: Final = "stability-values"
_DETAILS: Final = ("details.q_point", "details.size")
ALIKE: Final = 0.1
"""Relative difference of two relaxed structures' volumes per atom, of layers areas, up to which they are the same."""
BY_POTENTIAL: Final = "by potentials, not yet by DFT; at the centre of the zone and the middles of its edges only"


class StabilityValuesStage(GroupStage):
    """Writes dynamic and elastic stability of structures: a value where two potentials or more say the same.

    The value is the one nearest to the other verdict, its interval what all of them say.

    Parameters
    ----------
    potentials
        Names of the potentials.
    """

    version = 1
    groups_per_batch = 500
    writes: ClassVar = {Property: "value"}
    writes_kinds = tuple(KINDS)

    def __init__(self, potentials: Sequence[str], *, share: Doc | None = None) -> None:
        self.potentials = tuple(sorted(set(potentials)))
        self.name = f"{STAGE}:{'+'.join(self.potentials)}"
        self._made = [known_potentials.potential(name) for name in self.potentials]
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Which potentials."""
        return {"potentials": list(self.potentials)}

    def config(self) -> Doc:
        """What the values depend on."""
        return {"models": [potential.name for potential in self._made]}

    def sources_of_members(self) -> tuple[Members, ...]:
        """Read what the potentials say of each structure."""
        methods = [stability_method(potential, kind) for potential in self._made for kind in WAYS]
        fixed: Doc = {"kind": {"$in": list(WAYS)}, "method": {"$in": methods}}
        fields = ("property_id", "structure_id", "kind", "method", "value", "unit", "refused", *_DETAILS)
        return (Members(Property, "structure_id", ("value",), fields, fixed=fixed),)

    def process(self, items: list[Item]) -> list[Outcome]:
        """Join what the potentials say of each structure."""
        return [{"properties": list(self._values(item.content["properties"]))} for item in items]

    def _values(self, properties: list[Doc]) -> Iterator[Doc]:
        for kind, of_one in KINDS.items():
            by_method = {doc["method"]: doc for doc in properties if doc["kind"] == of_one}
            said = {
                potential.title: by_method[method]
                for potential in self._made
                if (method := stability_method(potential, of_one)) in by_method
            }
            if said:
                yield self._document(kind, of_one, said)

    def _document(self, kind: str, of_one: str, said: dict[str, Doc]) -> Doc:
        first = next(iter(said.values()))
        method = f"{' and '.join(potential.name for potential in self._made)}, {WAYS[of_one]}"
        doc: dict[str, Any] = {
            "property_id": f"{first['structure_id']}/{kind}/{method}",
            "structure_id": first["structure_id"],
            "kind": kind,
            "method": method,
            "basis": "potential",
            "value": None,
            "unit": first["unit"],
            "made_of": [one["property_id"] for one in said.values()],
        }
        known = {name: one for name, one in said.items() if one.get("value") is not None}
        if not known:
            return {**doc, "refused": first.get("refused", "no value"), "details": {"verdict": Verdict.UNKNOWN.value}}
        judge = verdict_on_frequency if of_one == FREQUENCY else verdict_on_stiffness
        together = judged({name: (judge(one["value"]), one["value"]) for name, one in known.items()})
        doc["details"] = {
            "verdict": together.verdict.value,
            "by_potential": {name: one["value"] for name, one in known.items()},
            "q_points": {name: q_point for name, one in known.items() if (q_point := _detail(one, "q_point"))},
        }
        if reason := together.reason or _grown_apart(known):
            return {**doc, "refused": reason, "details": {**doc["details"], "verdict": Verdict.UNKNOWN.value}}
        value = together.low if together.verdict is Verdict.STABLE else together.high
        return {**doc, "value": value, "low": together.low, "high": together.high, "warnings": [BY_POTENTIAL]}


def _grown_apart(known: dict[str, Doc]) -> str:
    """Why what potentials say is of different structures; empty where it is not, or nothing is known of that."""
    sizes = {name: size for name, one in known.items() if (size := _detail(one, "size")) is not None}
    if not sizes or max(sizes.values()) <= (1 + ALIKE) * min(sizes.values()):
        return ""
    each = ", ".join(f"{name} {size:.2f}" for name, size in sizes.items())
    return f"one potential makes another structure of it than another (area or volume per atom: {each})"


def _detail(doc: Doc, name: str) -> Any:
    return doc.get("details", {}).get(name)
