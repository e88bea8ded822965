"""Stage `judge`: verdicts follow values and thresholds, nothing else is computed, old verdicts stay known."""

from datetime import UTC, datetime

import pytest
from exfolio.builders.candidates.campaigns.campaign import Campaign
from exfolio.builders.candidates.judge import JudgeStage
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.recipe import stages_of
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from exfolio.stores.documents import ProposedStructure
from filled_registry import put as put_documents
from filled_registry import put_properties, put_structures
from known_crystals import campaign, crystals, go, keys, monolayer_of, one, put, retire, revisions
from moves import TELLING, check


def judge(registry: Connection, wanted: Campaign) -> StageReport:
    return run_stage(JudgeStage(wanted.model_dump(mode="json", by_alias=True)), registry)


def test_every_monolayer_gets_a_verdict_by_gate(registry: Connection) -> None:
    put(registry, [*crystals("C-graphite-2H", "BN-h", "MoS2-2H"), monolayer_of("MoS2-2H")])

    go(registry)

    graphene = one(registry, "candidates", formula_reduced="C")
    assert (graphene["status"], graphene["gates_passed"]) == ("promoted", 3)
    assert graphene["candidate_id"] == f"layers/{graphene['structure_id']}"
    assert graphene["exfoliation_energy"] == 0.052
    assert graphene["methods"]["exfoliation_energy"] == "experiment (handbook, parent)"
    assert graphene["history"] == []
    mos2 = one(registry, "candidates", formula_reduced="MoS2")
    assert (mos2["status"], mos2["rejected_by"], mos2["known_as"]) == ("rejected", "novel", ["flat:MoS2-2H"])
    bn = one(registry, "candidates", formula_reduced="BN")
    assert (bn["status"], bn["waiting_for"]) == ("waiting", "exfoliable")


def test_polytypes_are_one_candidate(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H", "MoS2-3R"))

    go(registry)

    assert len(keys(registry, "structures")) == 2
    assert len(keys(registry, "candidates")) == 1


def test_a_new_threshold_judges_anew_and_computes_nothing_else(registry: Connection) -> None:
    put(registry, crystals("C-graphite-2H", "BN-h"))
    go(registry)
    before = revisions(registry)
    judged = one(registry, "candidates", formula_reduced="C")
    start = datetime.now(UTC)

    reports = go(registry, stricter())

    after = revisions(registry)
    assert {name for name in after if after[name] != before[name]} == {"candidates"}
    assert {name for name, report in reports.items() if report.due} == {"judge:layers"}
    graphene = one(registry, "candidates", formula_reduced="C")
    assert (graphene["status"], graphene["rejected_by"]) == ("rejected", "exfoliable")
    assert graphene["gates"][2]["condition"] == "<= 0.05"
    [old] = graphene["history"]
    assert (old["status"], old["gates"]) == ("promoted", judged["gates"])
    assert old["judged_at"] == judged["updated_at"].replace(tzinfo=UTC).isoformat()
    assert start.replace(microsecond=0) <= datetime.fromisoformat(old["until"]) <= datetime.now(UTC)


def test_old_verdicts_pile_up_in_order(registry: Connection) -> None:
    put(registry, crystals("C-graphite-2H"))
    go(registry)

    judge(registry, stricter())
    judge(registry, campaign())

    graphene = one(registry, "candidates")
    assert graphene["status"] == "promoted"
    assert [earlier["status"] for earlier in graphene["history"]] == ["promoted", "rejected"]
    first, second = graphene["history"]
    assert first["until"] <= second["judged_at"] <= second["until"]


def test_a_verdict_on_another_threshold_is_another_verdict_though_it_comes_out_the_same(registry: Connection) -> None:
    put(registry, crystals("C-graphite-2H"))
    go(registry)
    wider = campaign().model_dump(mode="json", by_alias=True)
    wider["gates"][2]["at_most"] = 0.3

    judge(registry, Campaign.model_validate(wider))

    graphene = one(registry, "candidates")
    [old] = graphene["history"]
    assert graphene["status"] == old["status"] == "promoted"
    assert [verdict["gates"][2]["condition"] for verdict in (old, graphene)] == ["<= 0.2", "<= 0.3"]


def test_an_unchanged_verdict_writes_nothing(registry: Connection) -> None:
    put(registry, crystals("C-graphite-2H", "BN-h"))
    go(registry)
    judge(registry, stricter())
    before = revisions(registry)

    assert judge(registry, stricter()).due == 0
    report = judge(registry, stricter(why="we want it so"))  # everything is due, and comes out the same

    assert (report.due, report.unchanged, report.written) == (2, 2, 0)
    assert revisions(registry) == before


def test_a_value_that_becomes_known_ends_the_waiting(registry: Connection) -> None:
    [bn] = crystals("BN-h")
    put(registry, [bn])
    go(registry)
    assert one(registry, "candidates")["waiting_for"] == "exfoliable"

    put(registry, [{**bn, "exfoliation_energy": 0.071}])
    go(registry)

    candidate = one(registry, "candidates")
    assert (candidate["status"], candidate["exfoliation_energy"]) == ("promoted", 0.071)
    [old] = candidate["history"]
    assert (old["status"], old["waiting_for"]) == ("waiting", "exfoliable")


def test_of_several_values_the_one_on_the_best_basis_counts(registry: Connection) -> None:
    [graphite] = crystals("C-graphite-2H")
    known = monolayer_of("C-graphite-2H", exfoliation_energy=0.06, methods={"exfoliation_energy": "RPA"})
    put(registry, [{**graphite, "exfoliation_energy": 0.3}, known])

    go(registry)

    candidate = one(registry, "candidates")
    assert candidate["exfoliation_energy"] == 0.06
    assert candidate["methods"]["exfoliation_energy"] == "RPA (flat, same-structure)"


def test_what_is_known_of_a_composition_alone_is_context_and_promotes_nothing(registry: Connection) -> None:
    put(registry, [*crystals("BN-h"), row_of("BN-h", exfoliation_energy=0.07)])

    go(registry)

    layer = one(registry, "candidates")
    assert "exfoliation_energy" not in layer
    assert layer["context"] == {"exfoliation_energy": {"value": 0.07, "method": "optB88-vdW (table, composition)"}}
    assert layer["status"] == "waiting"


def test_a_layer_whose_composition_is_known_to_be_2d_without_a_structure_may_be_known(registry: Connection) -> None:
    put(registry, crystals("BN-h"))
    go(registry)
    assert one(registry, "candidates")["novelty_class"] == "layer of a known crystal"

    put(registry, [row_of("BN-h")])
    go(registry)

    layer = one(registry, "candidates")
    assert (layer["waiting_for"], layer["novelty_class"]) == ("novel", "may be known")
    assert layer["novelty_beside"] == ["table:BN"]


def test_what_relaxes_to_a_known_structure_is_not_novel(registry: Connection) -> None:
    put(registry, crystals("C-graphite-2H"))
    go(registry)
    layer = one(registry, "structures")
    relaxed = {"structure_id": layer["structure_id"]}
    novel, known = ({"relaxed_novel": not ids, "relaxed_known_as": ids} for ids in ([], ["x:C"]))
    put_documents(registry, ProposedStructure, [relaxed | novel], "relaxed")
    judge(registry, campaign())
    assert one(registry, "candidates")["status"] == "promoted"

    put_documents(registry, ProposedStructure, [relaxed | known], "relaxed")
    judge(registry, campaign())

    candidate = one(registry, "candidates")
    assert (candidate["status"], candidate["rejected_by"]) == ("rejected", "novel")
    assert (candidate["novel"], candidate["known_as"]) == (False, ["x:C"])

    as_proposed = {"structure_id": layer["structure_id"], "novel": False, "known_as": ["y:C"]}
    put_documents(registry, ProposedStructure, [as_proposed], "novelty")
    judge(registry, campaign())
    assert one(registry, "candidates")["known_as"] == ["x:C", "y:C"]


def test_what_others_undercut_before_it_was_relaxed_is_rejected_unless_it_was_calculated(registry: Connection) -> None:
    wanted = campaign().model_dump(mode="json", by_alias=True)
    wanted["gates"] = [{"name": "low", "field": "among_lowest", "is": True}]
    structures = [{"structure_id": f"st-{n}", "dimension": 2, "route": "top-down"} for n in range(4)]
    put_structures(registry, [{**one, "formula_reduced": "MgO", "chemsys": "Mg-O"} for one in structures])
    left_out = {"kind": "energy", "method": "CHGNet relaxed", "basis": "potential", "details": {"left_out": True}}
    hull = {"kind": "energy_above_hull", "method": "PBE", "basis": "calculation", "unit": "eV/atom"}
    put_properties(
        registry,
        [
            {**left_out, "structure_id": "st-1"},
            {**left_out, "structure_id": "st-2"},
            {**left_out, "structure_id": "st-3"},
            {**hull, "structure_id": "st-2", "value": 0.02},
            {**hull, "structure_id": "st-3", "refused": "the calculation is not converged"},
        ],
    )

    judge(registry, Campaign.model_validate(wanted))

    found = {doc["structure_id"]: doc["status"] for doc in registry.database["candidates"].find()}
    assert found == {"st-0": "promoted", "st-1": "rejected", "st-2": "promoted", "st-3": "rejected"}


def test_two_campaigns_judge_the_same_structures_each_for_itself(registry: Connection) -> None:
    put(registry, crystals("C-graphite-2H"))
    go(registry)

    judge(registry, campaign().model_copy(update={"name": "strict"}))

    assert [key.split("/")[0] for key in keys(registry, "candidates")] == ["layers", "strict"]


def test_a_retired_bulk_retires_its_candidates_and_they_come_back_with_their_history(registry: Connection) -> None:
    put(registry, crystals("C-graphite-2H", "BN-h"))
    go(registry)
    judge(registry, stricter())

    retire(registry, "handbook:C-graphite-2H")
    go(registry, stricter())
    gone = one(registry, "candidates", formula_reduced="C")
    assert gone["deprecated"]
    assert gone["deprecation_reasons"]
    assert one(registry, "properties", kind="exfoliation_energy")["deprecated"]
    assert not one(registry, "candidates", formula_reduced="BN")["deprecated"]

    put(registry, crystals("C-graphite-2H"))
    go(registry, stricter())
    back = one(registry, "candidates", formula_reduced="C")
    assert not back["deprecated"]
    assert back["history"][0]["status"] == "promoted"


def row_of(bulk: str, **values: float) -> dict[str, object]:
    """What a table of 2D materials says of the layer of a crystal: all but its structure."""
    layer = {**monolayer_of(bulk), **values, "methods": dict.fromkeys(values, "optB88-vdW")}
    del layer["structure"], layer["nsites"]
    return layer | {"material_id": f"table:{layer['formula_reduced']}", "source": "table"}


def stricter(why: str = "") -> Campaign:
    """The campaign with a threshold that graphene does not meet."""
    plain = campaign().model_dump(mode="json", by_alias=True)
    plain["gates"][2] |= {"at_most": 0.05, "why": why}
    return Campaign.model_validate(plain)


@pytest.mark.endurance
def test_verdicts_follow_a_bulk_that_moves(registry: Connection) -> None:
    """All the way down: what a source corrects to another compound is another candidate under the same id."""
    states = {"old": "C-graphite-2H", "other": "BN-h", "new": "MoS2-2H"}
    check(
        registry,
        put=lambda state: put(
            registry,
            [
                *crystals("MoS2-3R", "C-graphite-3R"),
                monolayer_of("MoS2-2H"),
                crystals(states[state])[0] | {"material_id": "lab:x1", "source": "lab"},
            ],
        ),
        retire=lambda: retire(registry, "lab:x1"),
        stages=lambda: stages_of(campaign()),
        ways=(*TELLING, "is retired and comes back elsewhere"),
    )
