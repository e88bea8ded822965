"""Stage `template-structures`: promising compositions get structures, and new templates reach those they fit."""

import pickle
from functools import partial

import pytest
from exfolio.builders.candidates.campaigns.campaign_files import CampaignError, parse
from exfolio.builders.compositions.verdict_stage import JudgeCompositionsStage
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.engine.stage import Stage
from exfolio.builders.materials.template_library_stage import TemplateStage
from exfolio.builders.recipe import stages_of
from exfolio.builders.refresh import refresh
from exfolio.builders.structures.novelty_stage import NoveltyStage
from exfolio.builders.structures.template_loading import load_templates
from exfolio.builders.structures.template_structures_stage import TemplateStructuresStage
from exfolio.models.structure.serialization import from_plain
from exfolio.models.structure.templates import predict
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Composition
from exfolio.stores.transactions import in_transaction
from exfolio.stores.writes.writing import FacetWriter
from known_crystals import keys, one, put, retire, revisions
from layers_and_compositions import LAYERS, change, layer, layers, material, put_compositions, salt
from moves import check
from plans import names_in_order
from pymatgen.core import Lattice, Structure

CAMPAIGN = """\
name: promising
dimension: 2
routes:
  template: {structures: 3}
gates:
  - name: valid structure
    field: valid
    is: true
  - name: novel
    field: novel
    is: true
  - name: probability of 2D
    field: p_2d
    at_least: 0.96
    routes: [template]
  - name: predicted formation energy
    field: predicted_formation_energy
    below: 0
    routes: [template]
"""


def make(registry: Connection, **settings: object) -> StageReport:
    run_stage(TemplateStage(), registry)
    return run_stage(TemplateStructuresStage(**settings), registry)  # type: ignore[arg-type]


def ranked(registry: Connection, formula: str) -> list[tuple[int, str]]:
    found = registry.database["structures"].find({"formula_reduced": formula, "deprecated": False}).sort("rank", 1)
    return [(doc["rank"], doc["template_prototype"]) for doc in found]


def buckled(symbol: str, a: float) -> Structure:
    """An elemental layer like silicene; `a` in Å."""
    return Structure(Lattice.hexagonal(a, 20), [symbol] * 2, [[1 / 3, 2 / 3, 0.51], [2 / 3, 1 / 3, 0.49]])


def test_structures_come_best_first_with_all_that_is_known_of_them(registry: Connection) -> None:
    put(registry, layers())
    put_compositions(registry, "WSe2")

    report = make(registry)

    assert (report.due, report.inserted, report.updated) == (1, 2, 1), "structures; the composition says how many"
    assert ranked(registry, "WSe2") == [(1, "flat:1H-MoS2"), (2, "flat:1T-TiS2")]
    best = one(registry, "structures", rank=1)
    assert (best["route"], best["parent_id"], best["dimension"]) == ("template", "flat:1H-MoS2", 2)
    assert best["substitution"] == {"Mo": "W", "S": "Se"}
    assert (best["space_group"]["number"], best["predicted_space_group"]) == (187, 187)
    assert best["oxidation_match"] == "matched"
    assert best["oxidation_states"] == {"W": 4, "Se": -2}
    assert best["checks"]["shortest_distance"]["verdict"] == "passed"
    assert best["checks"]["shortest_distance"]["value"] > best["checks"]["shortest_distance"]["limit"]
    assert best["valid"] is True
    assert (best["p_2d"], best["predicted_formation_energy"]) == (0.97, -0.5)
    assert {(origin["collection"], origin["id"]) for origin in best["origins"]} == {
        ("compositions", "WSe2"),
        ("materials", "flat:1H-MoS2"),
    }
    assert one(registry, "compositions", formula_reduced="WSe2")["template_structures"] == 2


def test_the_stage_gives_what_the_model_gives(registry: Connection) -> None:
    put(registry, layers())
    put_compositions(registry, "HfSe2")
    make(registry)

    predicted = predict("HfSe2", load_templates(registry, dimension=2))
    stored = registry.database["structures"].find().sort("rank", 1)
    for doc, wanted in zip(stored, predicted, strict=True):
        assert doc["probability"] == pytest.approx(wanted.probability)
        assert from_plain(doc["structure"]) == wanted.structure


def test_only_promising_compositions_get_structures(registry: Connection) -> None:
    put(registry, layers())
    put_compositions(registry, "WSe2", p_2d=0.94)
    put_compositions(registry, "HfS2", energy=0.1)
    put_compositions(registry, "ZrS2", balanced=False)
    put_compositions(registry, "TaS2")

    assert make(registry).due == 1
    assert set(registry.database["structures"].distinct("formula_reduced")) == {"TaS2"}
    assert make(registry, min_p_2d=0.9, max_predicted_formation_energy=None).due == 3


def test_where_compositions_are_judged_only_those_promoted_get_structures(registry: Connection) -> None:
    put(registry, layers())
    put_compositions(registry, "WSe2", "HfS2")
    new = {"name": "new composition", "field": "novel", "is": True}
    judge = partial(JudgeCompositionsStage, gates=[new])
    run_stage(judge(), registry)
    assert make(registry, judged=True).due == 0

    writer = FacetWriter(Composition, "novelty", "test novelty", "f1", "test")
    ready = [writer.prepare({"formula_reduced": "HfS2", "novel": True}, [])]
    in_transaction(registry, lambda session: writer.write(registry.database, ready, session))
    run_stage(judge(), registry)

    assert make(registry, judged=True).due == 1
    assert registry.database["structures"].distinct("formula_reduced") == ["HfS2"]


def test_a_composition_without_a_template_says_why_and_is_due_when_one_comes(registry: Connection) -> None:
    put(registry, layers("1H-MoS2"))
    put_compositions(registry, "SnGe", "MoS2", "WSe2")
    make(registry, new=True)

    assert one(registry, "compositions", formula_reduced="SnGe")["template_refused"] == (
        "no two-dimensional template has the anonymous formula AB of SnGe"
    )
    only_itself = one(registry, "compositions", formula_reduced="MoS2")
    assert only_itself["template_structures"] == 0
    assert "MoS2 itself" in only_itself["template_refused"]
    assert make(registry, new=True).due == 0

    silicon_carbide = buckled("Si", 3.1)
    silicon_carbide[1] = "C"
    put(registry, [material("SiC", silicon_carbide)])
    report = make(registry, new=True)

    assert (report.due, report.inserted) == (1, 1)
    composition = one(registry, "compositions", formula_reduced="SnGe")
    assert composition["template_structures"] == 1
    assert "template_refused" not in composition


def test_ten_new_templates_make_due_only_the_compositions_they_fit(registry: Connection) -> None:
    put(registry, layers())
    put_compositions(registry, "WSe2", "HfS2", "TaS2", "SnGe", "P", "MgPS3")
    make(registry)
    before = {name: one(registry, "compositions", formula_reduced=name)["rev"] for name in ("WSe2", "P", "MgPS3")}
    structures = revisions(registry)["structures"]

    elements = ("Si", "Ge", "Sn", "Pb", "As", "Sb", "Bi", "C", "B", "Te")
    put(registry, [material(symbol, buckled(symbol, 3.9)) for symbol in elements])
    report = make(registry)

    assert (report.due, report.inserted) == (1, 1), "of six compositions only P is of anonymous formula A"
    assert ranked(registry, "P") == [(1, "flat:As")]
    after = {name: one(registry, "compositions", formula_reduced=name)["rev"] for name in before}
    assert {name for name in before if before[name] != after[name]} == {"P"}
    assert revisions(registry)["structures"] == structures + 1


def test_a_layer_with_two_faces_comes_of_one_with_equal_faces_and_is_due_when_such_a_one_comes(
    registry: Connection,
) -> None:
    put(registry, layers("1T-ZrSe2"))
    put_compositions(registry, "MoSSe", "MgPS3")
    make(registry)
    [first] = registry.database["structures"].find({"rank": 1})
    assert first["parent_id"] == "flat:1T-ZrSe2"

    put(registry, layers("1H-MoS2"))
    report = make(registry)

    assert report.due == 1, "of the two compositions only MoSSe can be a decoration of AB2"
    best = one(registry, "structures", rank=1, deprecated=False)
    assert (best["parent_id"], best["space_group"]["number"]) == ("flat:1H-MoS2", 156)
    assert best["substitution"] == {"Mo": "Mo", "S": "Se/S"}
    assert best["decoration"]["element"] == "S"
    assert sorted(best["decoration"]["sites"].values()) == [[1], [2]]
    assert make(registry).due == 0


def test_bulk_templates_concern_bulk_structures_only(registry: Connection) -> None:
    put_compositions(registry, "KBr")
    settings = {"min_p_2d": None}
    make(registry)

    put(registry, [material("NaCl", salt("Na", "Cl", 5.64), dimension=3)])
    assert make(registry).due == 0

    report = make(registry, dimension=3, **settings)
    assert (report.stage, report.inserted) == ("template-structures-bulk", 1)
    made = one(registry, "structures", formula_reduced="KBr")
    assert (made["dimension"], made["space_group"]["number"]) == (3, 225)
    assert from_plain(made["structure"]).volume > from_plain(material("", salt("Na", "Cl", 5.64))["structure"]).volume
    composition = one(registry, "compositions", formula_reduced="KBr")
    assert (composition["bulk_template_structures"], composition["template_structures"]) == (1, 0)


def test_a_retired_template_takes_its_structures_along(registry: Connection) -> None:
    put(registry, layers())
    put_compositions(registry, "WSe2", "SnGe")
    make(registry)

    retire(registry, "flat:1H-MoS2", "flat:1H-NbSe2")
    report = make(registry)

    assert (report.due, report.deprecated) == (1, 1)
    assert ranked(registry, "WSe2") == [(1, "flat:1T-TiS2")]


def test_a_template_that_is_no_layer_after_all_takes_its_structures_along(registry: Connection) -> None:
    put(registry, layers())
    put_compositions(registry, "HfSe2", "SnGe")
    make(registry)
    assert "flat:1T-ZrSe2" in registry.database["structures"].distinct("parent_id")

    change(registry, "flat:1T-ZrSe2", dimension_claimed=3)
    report = make(registry)

    assert report.due == 1, "HfSe2, whose structure was made of it"
    assert registry.database["structures"].distinct("parent_id", {"deprecated": False}) == [
        "flat:1H-NbSe2",
        "flat:1T-TiS2",
    ]
    assert make(registry).due == 0

    change(registry, "flat:1T-ZrSe2", dimension_claimed=2)
    assert make(registry).due == 1
    assert "flat:1T-ZrSe2" in registry.database["structures"].distinct("parent_id", {"deprecated": False})


def test_a_composition_that_is_no_longer_promising_loses_its_structures(registry: Connection) -> None:
    put(registry, layers())
    put_compositions(registry, "WSe2", "HfS2")
    make(registry)

    put_compositions(registry, "WSe2", p_2d=0.2)
    report = make(registry)

    assert (report.due, report.deprecated) == (1, 2)
    assert ranked(registry, "WSe2") == []
    assert len(ranked(registry, "HfS2")) == 2
    gone = registry.database["structures"].find_one({"formula_reduced": "WSe2"}) or {}
    assert gone["deprecation_reasons"] == ["its composition is no longer promising"]
    assert "template_structures" not in one(registry, "compositions", formula_reduced="WSe2")
    assert make(registry).due == 0


def test_a_batch_holds_all_that_a_worker_elsewhere_needs(registry: Connection) -> None:
    large = layer("Sn", "S", 3.65, prismatic=False) * (4, 4, 1)  # large documents come from the server as views
    put(registry, [*layers(), material("large 1T-SnS2", large)])
    put_compositions(registry, "WSe2", "HfS2")
    run_stage(TemplateStage(), registry)
    stage = TemplateStructuresStage()
    stage.use(registry)

    for batch in stage.get_items():
        there, its_batch = pickle.loads(pickle.dumps((stage, batch)))
        stage.update_targets([there.process_item(its_batch)])
    stage.finalize()

    assert (stage.report.inserted, stage.report.failed) == (4, 0)
    assert ranked(registry, "WSe2") == [(1, "flat:1H-MoS2"), (2, "flat:1T-TiS2")]


def test_a_campaign_judges_them_by_what_is_predicted_of_their_composition(registry: Connection) -> None:
    put(registry, layers())
    put_compositions(registry, "WSe2")
    put_compositions(registry, "HfS2", p_2d=0.955)
    campaign = parse(CAMPAIGN, "promising.yaml")

    report = refresh(registry, [campaign])

    assert report.exit_code == 0, report.errors
    best = one(registry, "candidates", formula_reduced="WSe2", parent_id="flat:1H-MoS2")
    assert (best["route"], best["status"], best["p_2d"], best["predicted_formation_energy"]) == (
        *("template", "promoted"),
        *(0.97, -0.5),
    )
    rejected = registry.database["candidates"].find({"formula_reduced": "HfS2"})
    assert {doc["rejected_by"] for doc in rejected} == {"probability of 2D"}

    put_compositions(registry, "HfS2", p_2d=0.99)
    refresh(registry, [campaign])
    assert {doc["status"] for doc in registry.database["candidates"].find({"formula_reduced": "HfS2"})} == {"promoted"}


def test_a_structure_that_is_known_by_now_is_not_novel(registry: Connection) -> None:
    put(registry, layers())
    put_compositions(registry, "WSe2")
    make(registry)
    put(registry, [material("1H-WSe2", layer("W", "Se", 3.32, prismatic=True))])
    run_stage(NoveltyStage(), registry)

    prismatic, octahedral = registry.database["structures"].find().sort("rank", 1)
    assert (prismatic["novel"], prismatic["known_as"]) == (False, ["flat:1H-WSe2"])
    assert octahedral["novel"] is True


def test_the_stages_stand_where_their_input_is_ready() -> None:
    names = names_in_order(stages_of(parse(CAMPAIGN, "promising.yaml")))

    order = ["layers", "templates", "template-structures", "novelty", "known-values", "judge:promising"]
    assert [name for name in names if name in order] == order


def test_a_mistake_in_the_settings_is_shown_with_its_line() -> None:
    with pytest.raises(CampaignError, match=r"line 4: routes.template.structures"):
        parse(CAMPAIGN.replace("structures: 3", "structures: 0"), "promising.yaml")


def test_the_templates_are_the_layers_and_nothing_else(registry: Connection) -> None:
    put(registry, layers())
    run_stage(TemplateStage(), registry)

    assert keys(registry, "materials", template_dimension=2) == sorted(f"flat:{name}" for name in LAYERS)


def test_structures_go_where_the_template_they_were_made_from_has_moved(registry: Connection) -> None:
    states = {"old": LAYERS["1H-MoS2"], "other": buckled("Ge", 4.06), "new": buckled("Si", 3.86)}

    def fill(state: str) -> None:
        put(registry, [*layers("1T-TiS2"), material("x1", states[state])])
        if not keys(registry, "compositions"):
            put_compositions(registry, "WSe2", "Sn")

    check(
        registry,
        put=fill,
        retire=lambda: retire(registry, "flat:x1"),
        stages=lambda: [TemplateStage(), TemplateStructuresStage(structures=3), NoveltyStage()],
    )


class Killed(BaseException):
    """What stands for a kill: nothing catches it."""


def test_a_template_that_is_looked_at_late_is_missed_where_it_was(registry: Connection) -> None:
    """Between its correction and the library's notice of it, other templates reach the compositions they fit."""
    carbide = Structure(Lattice.hexagonal(3.1, 20), ["Si", "C"], [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]])
    put(registry, [material("x1", buckled("Si", 3.86)), material("SiC", carbide), *layers("1T-TiS2")])
    put_compositions(registry, "Sn")
    make(registry)
    assert ranked(registry, "Sn") == [(1, "flat:x1")]

    put(registry, [material("x1", LAYERS["1H-MoS2"])])
    carbide.scale_lattice(1.1 * carbide.volume)
    put(registry, [material("SiC", carbide)])
    library = TemplateStage()
    library.groups_per_batch = 1  # type: ignore[misc]

    def kill_at_the_second(stage: Stage, _: object) -> None:
        if stage.current_run.done == 1:  # A has nothing left to look at, then comes AB
            raise Killed

    with pytest.raises(Killed):
        run_stage(library, registry, progress=kill_at_the_second)
    run_stage(TemplateStructuresStage(), registry)
    make(registry)

    assert ranked(registry, "Sn") == []
