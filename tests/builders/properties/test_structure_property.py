"""A property computed from structures: what a subclass says becomes documents, and what it can't say is refused."""

from collections.abc import Sequence
from typing import Any

import pytest
from exfolio.builders.engine.batches import Failure, Item
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.structure_property import StructureProperty, Value
from exfolio.stores.connection import Connection
from exfolio.stores.documents import ProposedStructure
from filled_registry import put, put_structures
from known_crystals import crystals
from pymatgen.core.structure import Structure


class Density(StructureProperty):
    """Densities; of a crystal with boron only an estimate, of carbon none, of molybdenum never yet."""

    kind = "mass_density"
    unit = "g/cm^3"
    method = "geometry, 300 K"
    basis = "same-structure"

    def compute(self, structures: list[Structure]) -> Sequence[float | Value | Failure | None]:
        return [self._of(structure) for structure in structures]

    def _of(self, structure: Structure) -> float | Value | Failure | None:
        symbols = {element.symbol for element in structure.composition.elements}
        if "Mo" in symbols:
            return Failure("no licence was free")
        if "B" in symbols:
            return Value(2.1, low=2.0, high=2.3, coverage=0.9, warnings=["rough"], details={"from": "mass"})
        return None if "C" in symbols else float(structure.density)


class Odd(Density):
    """Raises on rock salt, and says of others that they weigh nothing that is a number."""

    method = "odd"

    def compute(self, structures: list[Structure]) -> Sequence[float | Value | Failure | None]:
        if any("Cl" in structure.composition for structure in structures):
            raise RuntimeError("chlorine")
        return [float("nan")] * len(structures)


def items(*names: str) -> list[Item]:
    structures = [crystal["structure"] for crystal in crystals(*names)]
    return [Item(name, {"structure": structure}) for name, structure in zip(names, structures, strict=True)]


def test_each_structure_has_its_value_its_reason_or_nothing() -> None:
    plain, estimate, none, failed = Density().process(items("NaCl-rocksalt", "BN-h", "C-graphite-2H", "MoS2-2H"))

    assert isinstance(plain, dict)
    [document] = plain["properties"]
    assert document["value"] == pytest.approx(2.16, abs=0.05)  # halite: 2.165 g/cm^3
    assert {name: document[name] for name in ("property_id", "kind", "method", "basis", "unit", "details")} == {
        "property_id": "NaCl-rocksalt/mass_density/geometry, 300 K",
        "kind": "mass_density",
        "method": "geometry, 300 K",
        "basis": "same-structure",
        "unit": "g/cm^3",
        "details": None,
    }
    assert isinstance(estimate, dict)
    [document] = estimate["properties"]
    stated = {name: document[name] for name in ("low", "value", "high", "coverage", "warnings", "details")}
    assert stated == {
        "low": 2.0,
        "value": 2.1,
        "high": 2.3,
        "coverage": 0.9,
        "warnings": ["rough"],
        "details": {"from": "mass"},
    }
    assert none == {}
    assert failed == Failure("no licence was free")


def test_what_raises_is_a_failure_of_its_structure_alone() -> None:
    of_salt, of_nitride = Odd().outcomes(items("NaCl-rocksalt", "BN-h"))

    assert of_salt == Failure("RuntimeError: chlorine")
    assert of_nitride == Failure("odd gave nan")


class BesideItself(Density):
    """States intervals that do not hold the value."""

    method = "beside itself"

    def compute(self, structures: list[Structure]) -> Sequence[float | Value | Failure | None]:
        return [Value(2.1, low=2.2, high=2.3) for _ in structures]


def test_an_interval_that_does_not_hold_its_value_is_a_failure() -> None:
    [outcome] = BesideItself().process(items("NaCl-rocksalt"))

    assert outcome == Failure(
        "beside itself gave an interval that does not hold its value: {'low': 2.2, 'value': 2.1, 'high': 2.3}"
    )


def test_values_are_written_once_and_withdrawn_with_their_structures(registry: Connection) -> None:
    # Given a valid structure that repeats no other
    [salt] = crystals("NaCl-rocksalt")
    structure = {"structure_id": "st-salt", "structure": salt["structure"], "valid": True}
    put_structures(registry, [structure])
    put(registry, ProposedStructure, [{"structure_id": "st-salt", "novel": True}], "novelty")

    # When the stage runs, Then its value is written, and a second run finds nothing due
    assert run_stage(Density(), registry).inserted == 1
    assert run_stage(Density(), registry).due == 0

    # When the structure turns out to be invalid, Then the value is no longer current
    put_structures(registry, [{**structure, "valid": False}])
    assert run_stage(Density(), registry).deprecated == 1


@pytest.mark.parametrize(
    ("stated", "wrong"),
    [
        ({"kind": "Work function"}, "write it in lower case"),
        ({"kind": "status"}, "candidates have a field status"),
        ({"kind": "band_gap", "unit": "meV"}, "the unit of band_gap is eV, not meV"),
        ({"basis": "guess"}, "the basis is 'guess'; there are: calculation"),
        ({"unit": None}, "does not state its unit"),
    ],
)
def test_a_property_that_can_not_be_is_refused_where_it_is_written(stated: dict[str, Any], wrong: str) -> None:
    with pytest.raises(TypeError, match=wrong):
        type("Stated", (StructureProperty,), {"kind": "x", "unit": "", "method": "none", **stated})
