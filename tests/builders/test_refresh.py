"""A refresh: everything due, in order, nothing twice, and one thing that fails does not stop the rest."""

import json
from pathlib import Path
from typing import Any

import pytest
from contents import current, differences, empty
from exfolio.builders.candidates.campaigns.campaign import Campaign
from exfolio.builders.candidates.known import known_campaigns
from exfolio.builders.refresh import refresh
from exfolio.models.potential.family.chgnet import is_installed
from exfolio.stores.bookkeeping.leases import Lease
from exfolio.stores.connection import Connection, connect
from exfolio.stores.errors import ConfigurationError, LeaseHeld
from known_crystals import campaign, crystals, keys, one, revisions

MOVING = {"_id", "rev", "run_id", "created_at", "updated_at", "first_seen_at", "facets", "history"}


def write(folder: Path, source: str, *names: str, **changed: Any) -> Path:
    """A file of bulk crystals, as a database gives them."""
    fields = ("structure", "band_gap", "formation_energy", "exfoliation_energy")
    rows = [
        {"material_id": doc["source_id"], **{field: doc[field] for field in fields if field in doc}, **changed}
        for doc in crystals(*names)
    ]
    path = folder / f"{source}.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def over(*files: Path) -> Campaign:
    """The campaign, pulling these files."""
    kinds = {".jsonl": "structures", ".csv": "table"}
    sources = [{"kind": kinds[file.suffix], "options": {"paths": [str(file)]}} for file in files]
    plain = campaign().model_dump(mode="json", by_alias=True)
    return Campaign.model_validate({**plain, "sources": sources})


def contents(connection: Connection) -> dict[str, list[Any]]:
    names = ("materials", "structures", "properties", "candidates")
    return {
        name: sorted(
            json.dumps({key: value for key, value in doc.items() if key not in MOVING}, sort_keys=True, default=str)
            for doc in connection.database[name].find()
        )
        for name in names
    }


def test_a_refresh_goes_from_files_to_verdicts(registry: Connection, tmp_path: Path) -> None:
    table = tmp_path / "energies.csv"
    table.write_text("formula,exfoliation_energy_mev_per_atom\nC,52\n")
    report = refresh(registry, [over(write(tmp_path, "lab", "C-graphite-2H", "NaCl-rocksalt"), table)])

    names = [stage.stage for stage in report.stages]
    way = [
        "ingest:lab",
        "ingest:energies",
        "layers",
        "top-down",
        "novelty",
        "known-values",
        "known-hull",
        "judge:layers",
    ]
    assert sorted(way, key=names.index) == way
    assert {"links", "preferred", "matches", "hull:MP2020", "exfoliation", "band-gaps"} < set(names)
    assert (report.exit_code, report.state, report.errors) == (0, "succeeded", {})
    graphene = one(registry, "candidates")
    assert (graphene["formula_reduced"], graphene["status"]) == ("C", "waiting"), "no value is of its structure"
    assert graphene["context"]["exfoliation_energy"]["value"] == pytest.approx(0.052)
    run = one(registry, "runs")
    assert (run["run_id"], run["job"], run["state"]) == (report.run_id, "refresh layers", "succeeded")
    noted = [stage["stage"] for stage in run["stages"]]
    assert noted == [stage.stage for stage in report.stages if stage.did_anything]
    assert graphene["run_id"] == report.run_id


def test_a_second_refresh_writes_nothing(registry: Connection, tmp_path: Path) -> None:
    wanted = over(write(tmp_path, "lab", "C-graphite-2H", "MoS2-2H", "MoS2-3R", "NaCl-rocksalt"))
    refresh(registry, [wanted])
    before = revisions(registry)

    report = refresh(registry, [wanted])

    assert {stage.stage: stage.due for stage in report.stages if stage.due} == {}
    assert revisions(registry) == before


def test_it_remembers_sources_and_campaigns(registry: Connection, tmp_path: Path) -> None:
    refresh(registry, [over(write(tmp_path, "lab", "C-graphite-2H"))])
    assert [one.name for one in known_campaigns(registry)] == ["layers"]

    write(tmp_path, "lab", "C-graphite-2H", "BN-h")
    report = refresh(registry)

    assert {stage.stage: stage.inserted for stage in report.stages if stage.inserted} == {
        "ingest:lab": 1,
        "top-down": 1,
        "judge:layers": 1,
    }
    assert len(keys(registry, "candidates")) == 2


def test_without_a_campaign_sources_and_what_follows_from_calculations_are_brought_up_to_date(
    registry: Connection,
) -> None:
    report = refresh(registry)

    follows = {"layers", "links", "preferred", "matches", "hull:MP2020", "known-hull", "exfoliation", "band-gaps"}
    follows.add("magnetizations")
    assert {stage.stage for stage in report.stages} == follows
    assert (report.exit_code, report.errors) == (0, {})


def test_a_source_that_is_gone_is_said_and_the_rest_is_done(registry: Connection, tmp_path: Path) -> None:
    lab, mine = write(tmp_path, "lab", "C-graphite-2H"), write(tmp_path, "mine", "BN-h")
    refresh(registry, [over(lab, mine)])

    lab.unlink()
    write(tmp_path, "mine", "BN-h", "MoS2-2H")
    report = refresh(registry)

    assert (report.exit_code, report.state) == (1, "partial")
    assert list(report.errors) == ["ingest:lab"]
    assert "lab.jsonl" in report.errors["ingest:lab"]
    run = registry.database["runs"].find_one({"run_id": report.run_id}) or {}
    assert run["state"] == "partial"
    assert "lab.jsonl" in run["error"]
    assert len(keys(registry, "candidates", deprecated=False)) == 3
    assert keys(registry, "materials", deprecated=True) == []


def test_a_source_that_lost_too_much_is_said_and_the_rest_is_done(registry: Connection, tmp_path: Path) -> None:
    lab = write(tmp_path, "lab", "C-graphite-2H", "MoS2-2H")
    refresh(registry, [over(lab)])

    write(tmp_path, "lab", "C-graphite-2H", "BN-h")
    for _ in range(2):
        report = refresh(registry)

        assert report.exit_code == 1
        assert "no longer has 1 of its 2 records" in report.errors["ingest:lab"]
    assert keys(registry, "materials", deprecated=True) == []
    assert len(keys(registry, "candidates")) == 3, "what is new is there all the same"


def test_a_campaign_with_a_source_nobody_knows(registry: Connection, tmp_path: Path) -> None:
    plain = over(write(tmp_path, "lab", "C-graphite-2H")).model_dump(mode="json", by_alias=True)
    plain["sources"].append({"kind": "handbok", "options": {}})

    report = refresh(registry, [Campaign.model_validate(plain)])

    assert report.exit_code == 1
    assert "no kind of source called 'handbok'" in report.errors["ingest:handbok"]
    assert one(registry, "candidates")["formula_reduced"] == "C"


class Killed(BaseException):
    """What stands for a kill: nothing catches it."""


@pytest.mark.parametrize("at", ["ingest:lab", "layers", "top-down", "known-values", "judge:layers"])
def test_a_refresh_that_was_cut_off_goes_on(registry: Connection, tmp_path: Path, at: str) -> None:
    wanted = over(write(tmp_path, "lab", "C-graphite-2H", "MoS2-2H", "MoS2-3R"))
    refresh(registry, [wanted])
    undisturbed = contents(registry)
    for name in registry.database.list_collection_names():
        if name != "counters":
            registry.database[name].delete_many({})

    def kill(stage: Any, _: object) -> None:
        if stage.name == at:
            raise Killed

    with pytest.raises(Killed):
        refresh(registry, [wanted], progress=kill)
    assert one(registry, "runs")["state"] == "failed"
    report = refresh(registry, [wanted])

    assert report.exit_code == 0
    assert contents(registry) == undisturbed
    before = revisions(registry)
    refresh(registry)
    assert revisions(registry) == before


def test_one_refresh_at_a_time(registry: Connection, tmp_path: Path) -> None:
    wanted = over(write(tmp_path, "lab", "C-graphite-2H"))

    with Lease(registry, "refresh", seconds=30), pytest.raises(LeaseHeld):
        refresh(registry, [wanted])

    assert keys(registry, "materials") == []
    assert refresh(registry, [wanted]).exit_code == 0


def test_a_retired_bulk_goes_all_the_way_down(registry: Connection, tmp_path: Path) -> None:
    twelve = ["C-graphite-2H", "BN-h", "MoS2-2H", "MoSe2-2H", "WS2-2H", "NbSe2-2H", "SnS2-1T"]
    twelve += ["CdI2-CdI2", "GaSe-beta", "Bi2Te3-tetradymite", "P-black", "NaCl-rocksalt"]
    write(tmp_path, "lab", *twelve)
    refresh(registry, [over(tmp_path / "lab.jsonl")])

    write(tmp_path, "lab", *twelve[1:])
    report = refresh(registry)

    assert {stage.stage: stage.deprecated for stage in report.stages if stage.deprecated} == {
        "ingest:lab": 1,
        "layers": 1,
        "top-down": 1,
        "judge:layers": 1,
    }
    assert one(registry, "candidates", deprecated=True)["formula_reduced"] == "C"


def test_stages_that_somebody_else_sees_to_are_left_out(registry: Connection, tmp_path: Path) -> None:
    wanted = over(write(tmp_path, "lab", "C-graphite-2H"))

    report = refresh(registry, [wanted], leave_out=["ingest:lab"])

    assert "ingest:lab" not in [stage.stage for stage in report.stages]
    assert keys(registry, "materials") == []


def test_campaigns_of_different_settings_live_side_by_side(registry: Connection, tmp_path: Path) -> None:
    """Each judges what its own settings made; what both make is made once."""
    mine = over(write(tmp_path, "lab", "C-graphite-2H", "MoS2-2H"))
    refresh(registry, [mine])
    plain = mine.model_dump(mode="json", by_alias=True)
    assert plain["routes"]["top-down"]["rules"] == "strength"
    routes = {"top-down": {"rules": "paper"}, "bottom-up": {"at_once": "one", "max_elements": 2}}
    other = Campaign.model_validate({**plain, "name": "other", "routes": routes})

    refresh(registry, [other])
    refresh(registry)
    judged = {doc["candidate_id"] for doc in registry.database["candidates"].find({"deprecated": False})}

    mine_judged = {name.split("/")[1] for name in judged if name.startswith("layers/")}
    other_judged = {name.split("/")[1] for name in judged if name.startswith("other/")}
    substituted = set(keys(registry, "structures", route="bottom-up", duplicate_of={"$exists": False}))
    assert mine_judged == set(keys(registry, "structures", proposed_by="top-down", duplicate_of={"$exists": False}))
    assert len(mine_judged) == 2
    assert other_judged == mine_judged | substituted, "the same layers, by whichever rules, and what comes of them"
    assert substituted
    before = revisions(registry)
    for campaigns in ([], [mine, other], [other, mine], [mine]):
        refresh(registry, campaigns)
        assert revisions(registry) == before


def test_campaigns_relax_each_its_own_elements(registry: Connection) -> None:
    def relaxing(name: str, *elements: str) -> Campaign:
        gates = [{"name": "valid", "field": "valid", "is": True}]
        plain = {"name": name, "elements": elements, "routes": {}, "gates": gates, "potential": {"relax": True}}
        return Campaign.model_validate(plain)

    both = refresh(registry, [relaxing("one", "Mg", "Mn", "O"), relaxing("other", "Ca", "Mn", "O")])

    names = [stage.stage for stage in both.stages if "energies-relaxed" in stage.stage]
    assert names == ["potential-energies-relaxed:Mg-Mn-O", "potential-energies-relaxed:Ca-Mn-O"]


def test_a_campaign_that_another_version_has_written_is_refreshed_by_its_file(
    registry: Connection, tmp_path: Path
) -> None:
    mine = over(write(tmp_path, "lab", "C-graphite-2H"))
    refresh(registry, [mine])
    registry.database["stage_states"].update_one(
        {"stage": "judge:layers"}, {"$set": {"maker.arguments.campaign.gates.0.field": "glow"}}
    )
    registry.database["resting_points"].delete_many({})  # which is of that version alone

    with pytest.raises(ConfigurationError, match=r"campaign layers, as it was refreshed last, .* no field 'glow'"):
        refresh(registry)
    assert refresh(registry, [mine]).exit_code == 0
    assert refresh(registry).exit_code == 0


def test_a_source_that_can_not_be_made_again_keeps_nothing_else_from_running(
    registry: Connection, tmp_path: Path
) -> None:
    refresh(registry, [over(write(tmp_path, "lab", "C-graphite-2H"))])
    registry.database["stage_states"].insert_one(
        {"stage": "ingest:aaa", "maker": {"arguments": {"kind": "no-such-kind", "options": {}}}, "token": 1}
    )

    report = refresh(registry)

    assert "no-such-kind" in report.errors["ingest:aaa"]
    assert report.exit_code == 1
    assert [stage.stage for stage in report.stages] == ["ingest:lab"]


@pytest.mark.endurance
@pytest.mark.parametrize(("batch_size", "processes"), [(7, 1), (7, 2)])
def test_neither_batches_nor_processes_change_what_a_refresh_makes(
    registry: Connection, tmp_path: Path, batch_size: int, processes: int
) -> None:
    names = ["MoS2-2H", "MoS2-3R", "NbSe2-2H", "C-graphite-2H", "BN-h", "CdI2-CdI2", "NaCl-rocksalt", "Cd-hcp"]
    plain = over(write(tmp_path, "lab", *names)).model_dump(mode="json", by_alias=True)
    routes = {"top-down": {}, "bottom-up": {"at_once": "one", "max_elements": 2}}
    # The potential is left out where it is not installed.
    wanted = Campaign.model_validate({**plain, "routes": routes, "potential": {"relax": False}, "pourbaix": {}})
    refresh(registry, [wanted])
    of_one = current(registry)
    assert len(of_one["structures"]) > 14
    assert len(of_one["properties"]) > 14
    empty(registry)

    settings = registry.settings.model_copy(update={"batch_size": batch_size})
    with connect(settings) as other:
        refresh(other, [wanted], processes=processes)
        assert differences(current(other), of_one) == []
        before = revisions(other)
        refresh(registry, [wanted])
        assert revisions(other) == before


@pytest.mark.endurance
@pytest.mark.skipif(not is_installed(), reason="CHGNet is not installed (pip install exfolio[mlip])")
def test_what_a_campaign_limits_for_one_refresh_is_not_taken_by_its_next_pass(
    registry: Connection, tmp_path: Path
) -> None:
    plain = over(write(tmp_path, "lab", "MoS2-2H", "NbSe2-2H", "BN-h")).model_dump(mode="json", by_alias=True)
    potential = {"relax": True, "relax_lowest": 1, "reference_window": 0.0, "max_steps": 1, "max_structures": 1}
    limited = Campaign.model_validate({**plain, "potential": potential})
    relaxed = {"kind": "energy", "method": {"$regex": "relaxed"}, "value": {"$exists": True}}

    with connect(registry.settings.model_copy(update={"batch_size": 1})) as connection:
        numbers = []
        for _ in range(4):
            refresh(connection, [limited])
            numbers.append(connection.database["properties"].count_documents(relaxed))

    assert numbers == [1, 2, 3, 3]
