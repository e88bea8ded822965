"""What proposed structures turned out to be when they were relaxed: known materials, each other, or neither."""

from typing import Any

from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.structures.relaxed_novelty_stage import RelaxedNoveltyStage
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Property, ProposedStructure
from filled_registry import put_properties, put_structures
from filled_registry import retire as retire_documents
from known_crystals import crystals, put, retire
from moves import check


def stretched(name: str, factor: float) -> dict[str, Any]:
    """Give a crystal of the handbook with one vector longer, which makes it another structure."""
    (crystal,) = crystals(name)
    vector = crystal["structure"]["lattice"]["matrix"][2]
    vector[:] = [factor * one for one in vector]
    return crystal


def relaxed(registry: Connection, **structures: tuple[dict[str, Any], float]) -> None:
    """Put proposals, each as if it had relaxed to a crystal, with an energy."""
    docs = []
    for name, (crystal, energy) in structures.items():
        kept = {field: crystal[field] for field in ("structure", "formula_reduced", "chemsys", "elements")}
        put_structures(registry, [{"structure_id": name, "dimension": 3, "valid": True, **kept}])
        value = {"structure_id": name, "kind": "energy", "method": "CHGNet 0.3.0 relaxed", "basis": "potential"}
        details = {"structure": crystal["structure"]}
        docs.append({**value, "value": energy, "formula_reduced": crystal["formula_reduced"], "details": details})
    put_properties(registry, docs)


def said(registry: Connection) -> dict[str, tuple[bool | None, list[str] | None, str | None]]:
    fields = ("relaxed_novel", "relaxed_known_as", "relaxed_duplicate_of")
    return {
        doc["structure_id"]: tuple(doc.get(field) for field in fields) for doc in registry.database["structures"].find()
    }


def test_relaxed_structures_are_compared_with_known_ones_and_with_lower_ones(registry: Connection) -> None:
    put(registry, crystals("CdI2-CdI2"))
    same, other = crystals("CdI2-CdI2")[0], stretched("CdI2-CdI2", 1.6)
    relaxed(registry, known=(same, -3.0), high=(other, -2.0), low=(other, -2.5))

    report = run_stage(RelaxedNoveltyStage(), registry)

    assert report.updated == 3
    assert said(registry) == {
        "known": (False, ["handbook:CdI2-CdI2"], None),
        "low": (True, [], None),
        "high": (True, [], "low"),
    }
    assert run_stage(RelaxedNoveltyStage(), registry).due == 0


def test_known_materials_that_come_and_go_change_what_is_said(registry: Connection) -> None:
    relaxed(registry, one=(crystals("CdI2-CdI2")[0], -3.0))
    run_stage(RelaxedNoveltyStage(), registry)
    assert said(registry)["one"] == (True, [], None)

    put(registry, crystals("CdI2-CdI2", "BN-h"))
    report = run_stage(RelaxedNoveltyStage(), registry)
    assert report.due == 1  # nothing of boron nitride was relaxed
    assert said(registry)["one"] == (False, ["handbook:CdI2-CdI2"], None)

    retire(registry, "handbook:CdI2-CdI2")
    run_stage(RelaxedNoveltyStage(), registry)
    assert said(registry)["one"] == (True, [], None)


def test_where_the_relaxed_structure_is_gone_nothing_is_said_any_more(registry: Connection) -> None:
    relaxed(registry, one=(crystals("CdI2-CdI2")[0], -3.0), other=(stretched("CdI2-CdI2", 1.6), -2.0))
    run_stage(RelaxedNoveltyStage(), registry)

    retire_documents(registry, Property, ["one/energy/CHGNet 0.3.0 relaxed"])
    run_stage(RelaxedNoveltyStage(), registry)

    assert said(registry) == {"one": (None, None, None), "other": (True, [], None)}


STATES = {"old": "CdI2-CdI2", "other": "BN-h", "new": "PbI2-CdI2"}


def test_a_known_material_that_moves_is_no_longer_what_a_structure_relaxed_to(registry: Connection) -> None:
    def fill(state: str) -> None:
        relaxed(registry, cadmium=(crystals("CdI2-CdI2")[0], -3.0), lead=(crystals("PbI2-CdI2")[0], -2.0))
        put(registry, [crystals(STATES[state])[0] | {"material_id": "lab:x1", "source": "lab"}])

    check(
        registry,
        put=fill,
        retire=lambda: retire(registry, "lab:x1"),
        stages=lambda: [RelaxedNoveltyStage()],
    )


def test_a_structure_that_moves_is_compared_where_it_is_now(registry: Connection) -> None:
    """Its material was corrected: under the same id it is another compound, and so is what it relaxes to."""

    def fill(state: str) -> None:
        put(registry, crystals("CdI2-CdI2"))
        relaxed(registry, stays=(stretched("CdI2-CdI2", 1.6), -2.0), moves=(stretched(STATES[state], 1.6), -2.5))

    def retire_both() -> None:
        retire_documents(registry, Property, ["moves/energy/CHGNet 0.3.0 relaxed"])
        retire_documents(registry, ProposedStructure, ["moves"])

    check(registry, put=fill, retire=retire_both, stages=lambda: [RelaxedNoveltyStage()])


def test_of_a_structure_that_moved_and_can_not_be_relaxed_nothing_is_said_any_more(registry: Connection) -> None:
    relaxed(registry, one=(crystals("CdI2-CdI2")[0], -3.0))
    run_stage(RelaxedNoveltyStage(), registry)
    assert said(registry)["one"] == (True, [], None)

    [lead] = crystals("PbI2-CdI2")
    kept = {field: lead[field] for field in ("structure", "formula_reduced", "chemsys", "elements")}
    put_structures(registry, [{"structure_id": "one", "dimension": 3, "valid": False, **kept}])
    retire_documents(registry, Property, ["one/energy/CHGNet 0.3.0 relaxed"])
    run_stage(RelaxedNoveltyStage(), registry)

    assert said(registry)["one"] == (None, None, None)
