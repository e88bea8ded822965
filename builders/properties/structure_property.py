"""The base of a property that is computed from a structure alone: whoever adds one writes a class with `compute`.

Identity, document, origins, failures and retries are seen to here, and the plan of a refresh and the gates of
campaigns follow from what the class says of itself.
"""

from __future__ import annotations

import math
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pymatgen.core.structure import Structure

from ...models.structure.serialization import from_plain
from ...stores.documents import Candidate, Property, ProposedStructure
from ..engine.batches import Doc, Failure, Item, Outcome
from ..engine.selection.map_stage import MapStage

_KIND = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Value:
    """A computed value with what there is to say of it.

    Attributes
    ----------
    value
        In the unit of the property.
    low, high
        The interval in which the true value is expected; with one of them None it is open there, and the value a bound.
        Both None: nothing is known of it.
    coverage
        Share of true values that lie within such intervals, where that is known.
    warnings
        Why it may not be trusted.
    details
        What else is worth knowing, as plain data.
    """

    value: float
    low: float | None = None
    high: float | None = None
    coverage: float | None = None
    warnings: Sequence[str] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


class StructureProperty(MapStage):
    """Writes one property of proposed structures, computed from each structure.

    A subclass states `kind`, `unit`, `method` and `version`, and gives `compute`; it may narrow `criteria` by
    ``{**StructureProperty.criteria, …}``, and name what else the values depend on in `config`.

    Raises
    ------
    TypeError
        A subclass states what can't be; says what would be right.

    Examples
    --------
    >>> class VolumePerAtom(StructureProperty):
    ...     kind, unit, method, basis = "volume_per_atom", "Å^3", "geometry", "same-structure"
    ...
    ...     def compute(self, structures):
    ...         return [structure.volume / len(structure) for structure in structures]
    >>> VolumePerAtom().name
    'volume_per_atom:geometry'
    """

    kind: ClassVar[str]
    """Kind of property, as gates and queries name it: lower case, words joined by underscores."""
    unit: ClassVar[str]
    """Unit of the values; empty for numbers without one."""
    method: ClassVar[str]
    """How the values are got, as it stands beside each; another method is another document."""
    basis: ClassVar[str] = "model"
    """What the values rest on, one of `Property.BASES`; an earlier one goes before it."""
    digits: ClassVar[int] = 5
    """Decimal places that are kept: the last bits of a computation depend on what else is in a batch."""

    source = ProposedStructure
    facets = ("proposal", "novelty")
    fields = ("structure",)
    criteria: ClassVar[Doc] = {"valid": True, "novel": {"$exists": True}, "duplicate_of": {"$exists": False}}
    """Which structures: by default the valid ones that repeat no other."""
    writes: ClassVar = {Property: "value"}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        stated = {name: getattr(cls, name, None) for name in ("kind", "unit", "method")}
        if stated["kind"] is None:  # a base of further ones
            return
        if missing := [name for name, value in stated.items() if not isinstance(value, str)]:
            raise TypeError(f"{cls.__name__} does not state its {' and '.join(missing)}")
        _check_kind(cls)
        cls.writes_kinds = (cls.kind,)
        if "name" not in vars(cls):
            cls.name = f"{cls.kind}:{re.sub(r'[^a-z0-9]+', '-', cls.method.lower()).strip('-')}"

    @abstractmethod
    def compute(self, structures: list[Structure]) -> Sequence[float | Value | Failure | None]:
        """Compute the values of a batch of structures. Runs in any process and touches no database.

        Returns
        -------
        sequence
            As long as `structures` and in its order: a number or `Value`, a `Failure` with the reason where it may be
            tried again, None where the property does not apply. What is raised is a failure of the structures that
            it is raised for.
        """

    def config(self) -> Doc:
        """What the values depend on beside the structures and `version`."""
        return {"kind": self.kind, "unit": self.unit, "method": self.method, "basis": self.basis}

    def process(self, items: list[Item]) -> list[Outcome]:
        """Document of each structure's value.

        Raises
        ------
        ValueError
            There are not as many values as structures.
        """
        computed = self.compute([from_plain(item.content["structure"]) for item in items])
        if len(computed) != len(items):
            raise ValueError(f"{self.name}: {len(computed)=} != {len(items)=}")
        return [self._outcome(item, result) for item, result in zip(items, computed, strict=True)]

    def _outcome(self, item: Item, result: float | Value | Failure | None) -> Outcome:
        if result is None:
            return {}
        if isinstance(result, Failure):
            return result
        value = result if isinstance(result, Value) else Value(float(result))
        if not math.isfinite(value.value):
            return Failure(f"{self.method} gave {value.value}")
        stated = {"low": value.low, "value": value.value, "high": value.high}
        numbers = {name: round(float(number), self.digits) for name, number in stated.items() if number is not None}
        if list(numbers.values()) != sorted(numbers.values()):
            return Failure(f"{self.method} gave an interval that does not hold its value: {numbers}")
        document = {
            "property_id": f"{item.key}/{self.kind}/{self.method}",
            "structure_id": item.key,
            "kind": self.kind,
            "method": self.method,
            "basis": self.basis,
            **numbers,
            "coverage": value.coverage,
            "unit": self.unit,
            "warnings": list(value.warnings) or None,
            "details": dict(value.details) or None,
        }
        return {"properties": [document]}


def _check_kind(stated: type[StructureProperty]) -> None:
    kind, unit, name = stated.kind, stated.unit, stated.__name__
    if not _KIND.fullmatch(kind):
        raise TypeError(f"{name}: the kind is {kind!r}; write it in lower case, words joined by underscores")
    if stated.basis not in Property.BASES:
        raise TypeError(f"{name}: the basis is {stated.basis!r}; there are: {', '.join(Property.BASES)}")
    if kind in Candidate.VALUE_FIELDS:
        expected = Candidate._fields[kind].unit
        if unit != expected:
            raise TypeError(f"{name}: the unit of {kind} is {expected}, not {unit}")
    elif kind in Candidate._fields:
        raise TypeError(f"{name}: candidates have a field {kind} that is no property; choose another kind")
