"""``exfolio refresh`` and ``run``: what they say, and what the shell sees."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import small_registry
from exfolio.stores.bookkeeping.leases import Lease
from exfolio.stores.connection import Connection
from known_crystals import CAMPAIGN, crystals, keys, monolayer_of, retire, revisions

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def fresh(asked: Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    monkeypatch.setenv("EXFOLIO_PROCESSES", "1")  # starting workers takes longer than these few crystals
    small_registry.empty(asked)
    yield asked
    small_registry.empty(asked)


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    """A campaign file with a source file beside it."""
    rows = [{"material_id": doc["source_id"], "structure": doc["structure"]} for doc in crystals("BN-h", "MoS2-2H")]
    source = tmp_path / "lab.jsonl"
    source.write_text("\n".join(map(json.dumps, rows)))
    path = tmp_path / "layers.yaml"
    path.write_text(f"{CAMPAIGN}sources:\n  - kind: structures\n    options: {{paths: [{source}]}}\n")
    return path


def test_a_refresh_says_what_each_stage_did(fresh: Connection, ask: Ask, campaign: Path) -> None:
    code, printed, said = ask("refresh", str(campaign))

    assert (code, printed) == (0, "")
    lines = {line.split()[0]: line for line in said.splitlines() if line.strip()}
    assert "2 new" in lines["ingest:lab"]
    assert "2 new" in lines["top-down"]
    assert "2 new" in lines["judge:layers"]
    assert len(keys(fresh, "candidates", status="waiting")) == 2


def test_a_second_refresh_finds_nothing_to_do(fresh: Connection, ask: Ask, campaign: Path) -> None:
    ask("refresh", str(campaign))
    before = revisions(fresh)

    code, _, said = ask("refresh")

    assert code == 0
    assert said.splitlines() == ["Nothing is due: the registry is up to date."]
    assert revisions(fresh) == before


def test_a_dry_run_says_what_is_due_and_runs_nothing(
    fresh: Connection, ask: Ask, ask_json: Callable[..., Any], campaign: Path
) -> None:
    # Given a registry at rest, of which two materials change
    ask("refresh", str(campaign))
    assert ask_json("refresh", "--dry-run") == []
    retire(fresh, "lab:BN-h")
    before = revisions(fresh)

    # When it is asked what a refresh would do
    due = {row["stage"]: row for row in ask_json("refresh", "--dry-run")}
    code, printed, _ = ask("refresh", "--dry-run")

    # Then the stages that read them are named, with how much and how long, and nothing has changed
    assert due["layers"]["items"] == due["top-down"]["items"] == 1
    assert due["layers"]["seconds"] > 0
    assert due["ingest:lab"]["items"] is None
    assert "judge:layers" not in due
    assert code == 0
    assert "layers                       1 item " in printed
    assert "ingest:lab                   looks at its files" in printed
    assert revisions(fresh) == before
    assert fresh.database["runs"].count_documents({"state": "running"}) == 0


def test_json_is_one_document(fresh: Connection, ask_json: Callable[..., Any], campaign: Path) -> None:
    report = ask_json("refresh", str(campaign))

    assert (report["state"], report["errors"]) == ("succeeded", {})
    assert {stage["stage"]: stage["inserted"] for stage in report["stages"]}["judge:layers"] == 2
    assert fresh.database["runs"].find_one({"run_id": report["run_id"]})


def test_a_source_that_is_gone_is_named_and_ends_with_1(
    fresh: Connection, ask: Ask, ask_json: Callable[..., Any], campaign: Path
) -> None:
    ask("refresh", str(campaign))
    (campaign.parent / "lab.jsonl").unlink()

    code, _, said = ask("refresh")
    report = ask_json("refresh", code=1)

    assert code == 1
    assert "ingest:lab" in said
    assert "lab.jsonl" in said
    assert list(report["errors"]) == ["ingest:lab"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("two-dim",), "vanadium-oxides. For one of your own"),
        (("{folder}/bad.yaml",), "bad.yaml, line 3: vaccum: no such field"),
        (("{folder}/layers.yaml", "{folder}/again.yaml"), "two campaigns are called 'layers'"),
        (("-n", "0"), "Invalid value for '-n' / '--processes'"),
    ],
    ids=["no campaign", "bad file", "one name twice", "no processes"],
)
def test_bad_usage_ends_with_2(
    fresh: Connection, ask: Ask, campaign: Path, arguments: tuple[str, ...], says: str
) -> None:
    (campaign.parent / "bad.yaml").write_text("name: bad\ngates: [{name: a, field: valid, is: true}]\nvaccum: 3\n")
    (campaign.parent / "again.yaml").write_text(campaign.read_text())

    code, printed, said = ask("refresh", *(argument.format(folder=campaign.parent) for argument in arguments))

    assert (code, printed) == (2, "")
    assert says in " ".join(said.split())
    assert keys(fresh, "materials") == []


def test_a_refresh_under_way_ends_with_3(fresh: Connection, ask: Ask, campaign: Path) -> None:
    with Lease(fresh, "refresh", seconds=30):
        code, _, said = ask("refresh", str(campaign))

    assert code == 3
    assert "is being run by" in said


def test_one_stage_is_run_by_its_name(
    fresh: Connection, ask: Ask, ask_json: Callable[..., Any], campaign: Path
) -> None:
    ask("ingest", str(campaign.parent / "lab.jsonl"))

    code, _, said = ask("run", "layers", "-n", "1")
    assert (code, "layers: 2 changed" in said) == (0, True)

    report = ask_json("run", "top-down", "--campaign", str(campaign), "-n", "1")
    assert (report["stage"], report["inserted"]) == ("top-down", 2)
    assert ask_json("run", "ingest:lab", "-n", "1")["due"] == 0


def test_a_stage_that_there_is_not_ends_with_2(fresh: Connection, ask: Ask) -> None:
    code, _, said = ask("run", "layer")

    assert code == 2
    assert "no stage is called 'layer'" in said
    assert "judge:two-dimensional" in said
    assert fresh.database["settings_claims"].count_documents({"campaign": "two-dimensional"}) == 0


def test_what_failed_ends_with_1(fresh: Connection, ask: Ask, campaign: Path) -> None:
    ask("refresh", str(campaign))
    # A value of a type that no source writes: the judge can't compare it.
    fresh.database["properties"].delete_many({})
    fresh.database["structures"].update_one({"formula_reduced": "BN"}, {"$set": {"structure": {"lattice": "none"}}})
    fresh.database["structures"].update_one({"formula_reduced": "BN"}, {"$set": {"facets.proposal.rev": 10**6}})
    counted = {"rev": 10**6, "facets.proposal": 10**6}
    fresh.database["counters"].update_one({"_id": "structures"}, {"$set": counted})

    code, _, said = ask("refresh")

    assert code == 1
    assert "1 failed" in said
    assert "will be tried again: exfolio query failures" in said


def test_what_a_source_corrects_to_another_compound_is_told_as_it_is_now(
    fresh: Connection, ask: Ask, ask_json: Callable[..., Any], tmp_path: Path
) -> None:
    """A file names a monolayer x1 MoS2, and later NbS2: no candidate is known as what x1 no longer is."""
    bulk = [{"material_id": doc["source_id"], "structure": doc["structure"]} for doc in crystals("MoS2-2H", "NbS2-2H")]
    flat = tmp_path / "flat.json"

    def say(name: str) -> None:
        layer = {"material_id": "x1", "structure": monolayer_of(name)["structure"], "band_gap": 1.6}
        flat.write_text(json.dumps([layer]))

    def told(formula: str) -> Any:
        [candidate] = ask_json("query", f'chemical_formula_reduced = "{formula}"')["documents"]
        return candidate

    say("MoS2-2H")
    (tmp_path / "lab.json").write_text(json.dumps(bulk))
    (tmp_path / "layers.yaml").write_text(CAMPAIGN)
    for file in ("lab.json", "flat.json"):
        assert ask("ingest", str(tmp_path / file))[0] == 0
    assert ask("refresh", str(tmp_path / "layers.yaml"))[0] == 0
    sulphide, other = told("MoS2"), told("NbS2")
    assert (sulphide["novel"], sulphide["known_as"], sulphide["band_gap"]) == (False, ["flat:x1"], 1.6)
    assert (other["novel"], other["known_as"]) == (True, [])

    say("NbS2-2H")
    assert ask("refresh")[0] == 0

    sulphide, other = told("MoS2"), told("NbS2")
    assert (sulphide["novel"], sulphide["known_as"], sulphide.get("band_gap")) == (True, [], None)
    assert (other["novel"], other["known_as"], other["band_gap"]) == (False, ["flat:x1"], 1.6)
    code, printed, _ = ask("show", sulphide["candidate_id"])
    assert code == 0
    assert "x1" not in printed
    assert ask_json("show", "flat:x1")["document"]["formula_reduced"] == "NbS2"
