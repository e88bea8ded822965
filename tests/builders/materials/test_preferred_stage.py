"""Stage `preferred`: one value of a property among those of several sources, the others beside it."""

from pathlib import Path
from typing import Any

from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.materials.duplicates_stage import LinkStage
from exfolio.builders.materials.method_ranking import METHODS, rank
from exfolio.builders.materials.preferred_stage import PreferredStage
from exfolio.builders.sources.file_stage import SourceStage
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Property
from exfolio.stores.query.search import Search
from known_crystals import crystals, one, put, retire
from lab_source import records, write
from moves import check

Doc = dict[str, Any]


def molybdenite(source: str, **values: Any) -> Doc:
    """2H MoS2 as a source has it, with its values and their methods: ``band_gap=(1.2, "PBE")``."""
    [crystal] = crystals("MoS2-2H")
    for name in ("formation_energy", "band_gap", "exfoliation_energy", "methods"):
        crystal.pop(name, None)
    own = {name: value for name, (value, _) in values.items()}
    return {
        **crystal,
        **own,
        "material_id": f"{source}:MoS2",
        "source": source,
        "methods": {name: method for name, (_, method) in values.items()},
    }


def prefer(registry: Connection, order: list[str] | None = None) -> StageReport:
    run_stage(LinkStage(), registry)
    return run_stage(PreferredStage(order), registry)


def preferred(registry: Connection, material_id: str) -> dict[str, tuple[float, str]]:
    doc = one(registry, "materials", material_id=material_id)
    return {name: (value, doc["preferred_from"][name]["source"]) for name, value in doc["preferred"].items()}


def test_a_source_goes_before_those_after_it_in_the_order(registry: Connection) -> None:
    put(registry, [molybdenite("jarvis", band_gap=(0.9, "PBE")), molybdenite("mp", band_gap=(1.0, "PBE"))])

    prefer(registry)

    assert preferred(registry, "mp:MoS2") == preferred(registry, "jarvis:MoS2") == {"band_gap": (1.0, "mp")}


def test_a_source_that_is_not_in_the_order_comes_after_those_that_are(registry: Connection) -> None:
    put(registry, [molybdenite("a-new-one", band_gap=(0.9, "PBE")), molybdenite("mp", band_gap=(1.0, "PBE"))])

    prefer(registry, ["jarvis", "mp"])

    assert preferred(registry, "mp:MoS2") == {"band_gap": (1.0, "mp")}


def test_what_is_measured_and_a_better_functional_go_before_the_order(registry: Connection) -> None:
    put(registry, [molybdenite("mp", band_gap=(1.0, "PBE"), formation_energy=(-0.87, "PBE"))])
    put(registry, [molybdenite("lab", band_gap=(1.4, "HSE06"), formation_energy=(-0.95, "experiment, 298 K"))])

    prefer(registry)

    assert preferred(registry, "mp:MoS2") == {"formation_energy": (-0.95, "lab"), "band_gap": (1.4, "lab")}


def test_every_other_value_is_kept_with_source_and_method(registry: Connection) -> None:
    put(registry, [molybdenite("mp", band_gap=(1.0, "PBE")), molybdenite("lab", exfoliation_energy=(0.08, "PBE"))])
    put(registry, [molybdenite("c2db", band_gap=(1.1, "PBE"))])

    prefer(registry)

    doc = one(registry, "materials", material_id="lab:MoS2")
    assert doc["preferred"] == {"band_gap": 1.0, "exfoliation_energy": 0.08}
    assert doc["preferred_from"]["band_gap"] == {"source": "mp", "method": "PBE", "material_id": "mp:MoS2"}
    [other] = doc["other_values"]
    assert (other["property"], other["value"], other["source"], other["method"]) == ("band_gap", 1.1, "c2db", "PBE")
    assert "band_gap" not in doc, "what a source says itself stays as it is"


def test_another_structure_of_the_formula_has_its_own_values(registry: Connection) -> None:
    [polytype] = crystals("MoS2-3R")
    put(registry, [molybdenite("mp", band_gap=(1.0, "PBE")), {**polytype, "band_gap": 1.3}])

    prefer(registry)

    assert one(registry, "materials", material_id="handbook:MoS2-3R")["preferred"]["band_gap"] == 1.3
    assert preferred(registry, "mp:MoS2") == {"band_gap": (1.0, "mp")}


def test_another_order_changes_what_is_preferred_and_links_nothing_anew(registry: Connection) -> None:
    put(registry, [molybdenite("jarvis", band_gap=(0.9, "PBE")), molybdenite("mp", band_gap=(1.0, "PBE"))])
    put(registry, crystals("NaCl-rocksalt"))
    prefer(registry)

    assert run_stage(LinkStage(), registry).due == 0
    assert run_stage(PreferredStage(), registry).due == 0
    report = run_stage(PreferredStage(["jarvis", "mp"]), registry)

    assert (report.due, report.updated, report.unchanged) == (3, 2, 1)
    assert preferred(registry, "mp:MoS2") == {"band_gap": (0.9, "jarvis")}


def test_a_corrected_or_retired_value_is_followed(registry: Connection) -> None:
    put(registry, [molybdenite("jarvis", band_gap=(0.9, "PBE")), molybdenite("mp", band_gap=(1.0, "PBE"))])
    prefer(registry)

    put(registry, [molybdenite("mp", band_gap=(1.2, "PBE"))])
    prefer(registry)
    assert preferred(registry, "jarvis:MoS2") == {"band_gap": (1.2, "mp")}

    retire(registry, "mp:MoS2")
    prefer(registry)
    assert preferred(registry, "jarvis:MoS2") == {"band_gap": (0.9, "jarvis")}


def test_values_are_preferred_as_they_come_in_but_those_of_linked_materials(
    registry: Connection, tmp_path: Path
) -> None:
    def bring_in(*gaps: float) -> None:
        content = [{**record, "band_gap": gap} for record, gap in zip(records(2), gaps, strict=True)]
        source = SourceStage("structures", {"paths": [write(tmp_path / "a.jsonl", content)], "source": "lab"})
        run_stage(source.fused_with(PreferredStage()), registry)

    def gaps() -> list[float]:
        return [preferred(registry, f"lab:m-{i}")["band_gap"][0] for i in range(2)]

    # When two records come in, then each has its own value, and nothing is left for the stage to do
    bring_in(5.0, 5.5)
    assert gaps() == [5.0, 5.5]
    assert run_stage(PreferredStage(), registry).due == 0

    # When they turn out to be the same, then they share one
    prefer(registry)
    assert gaps() == [5.0, 5.0]

    # When one is corrected, then its stage sees to what they share
    bring_in(5.0, 5.7)
    assert gaps() == [5.0, 5.0]
    bring_in(5.2, 5.7)
    prefer(registry)
    assert gaps() == [5.2, 5.2]


def test_preferred_values_can_be_asked_for(registry: Connection) -> None:
    put(registry, [molybdenite("mp", band_gap=(1.0, "PBE")), molybdenite("lab"), *crystals("NaCl-rocksalt")])

    prefer(registry)

    found = Search("materials", "preferred.band_gap < 2", sort=("material_id",)).documents(registry)
    assert [doc["material_id"] for doc in found] == ["lab:MoS2", "mp:MoS2"]


def test_methods_stand_in_an_order_of_their_property() -> None:
    orders = {
        "band_gap": [
            *("experiment, 298 K", "HSE06", "G0W0@PBE", "PBE0", "TB-mBJ", "PBE+U", "PBE", "not stated"),
            "ALIGNN trained on HSE06",
        ],
        "exfoliation_energy": ["experiment", "RPA", "optB88-vdW", "r2SCAN", "PBE", "not stated", "CHGNet 0.3.0 static"],
        "energy_above_hull": ["experiment", "r2SCAN", "PBE(+U) MP2020", "GGA+U", "GGA", "LDA", "CHGNet 0.3.0 relaxed"],
        "work_function": ["experiment", "r2SCAN", "HSE06", "PBE", "a model learnt from measurements"],
    }

    for kind, order in orders.items():
        backwards = order[::-1]
        assert sorted(backwards, key=lambda method: rank(kind, method)) == order, kind
    assert rank("band_gap", "HSE03") == rank("band_gap", "PBE0")


def test_the_ranking_in_the_documentation_is_the_one_in_force() -> None:
    text = (Path(__file__).parents[3] / "docs" / "campaigns.md").read_text(encoding="utf-8")

    for kind, levels in METHODS.items():
        assert f"| {'any other' if kind == 'any' else kind} | {', '.join(levels)} |" in text
    assert f"bases: {', '.join(Property.BASES)}." in text.replace("\n", " ")


def test_links_and_preferred_values_follow_a_material_that_moves(registry: Connection) -> None:
    states = {"old": "MoS2-2H", "other": "BN-h", "new": "NbS2-2H"}

    def moving(state: str) -> Doc:
        values = {"band_gap": 0.5, "methods": {"band_gap": "experiment"}}
        return crystals(states[state])[0] | {"material_id": "lab:x1", "source": "lab", **values}

    # The id of the moving one sorts before those of the handbook here and after them there.
    others = [doc | {"material_id": f"{'m' if n else 'a'}:{n}"} for n, doc in enumerate(crystals("MoS2-2H", "NbS2-2H"))]
    check(
        registry,
        put=lambda state: put(registry, [*crystals("MoS2-2H", "MoS2-3R"), *others, moving(state)]),
        retire=lambda: retire(registry, "lab:x1"),
        stages=lambda: [LinkStage(), PreferredStage()],
    )


def test_a_material_whose_structure_is_taken_back_is_linked_with_nothing(registry: Connection) -> None:
    put(registry, [molybdenite("jarvis", band_gap=(0.9, "PBE")), molybdenite("mp", band_gap=(1.0, "PBE"))])
    prefer(registry)
    without = molybdenite("mp", band_gap=(1.0, "PBE"))
    del without["structure"]
    put(registry, [without])
    prefer(registry)

    assert {doc["material_id"]: doc.get("same_as") or [] for doc in registry.database["materials"].find()} == {
        "jarvis:MoS2": [],
        "mp:MoS2": [],
    }
    assert preferred(registry, "mp:MoS2") == {"band_gap": (1.0, "mp")}
    assert preferred(registry, "jarvis:MoS2") == {"band_gap": (0.9, "jarvis")}
