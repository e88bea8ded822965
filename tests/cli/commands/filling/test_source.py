"""``exfolio source``: what was ingested, and how it is taken out and comes back."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import small_registry
from exfolio.stores.bookkeeping.leases import Lease
from exfolio.stores.connection import Connection
from known_crystals import CAMPAIGN, crystals, keys, revisions
from materials_project_server import KEY, MaterialsProjectServer, element, rock_salt

Ask = Callable[..., tuple[int, str, str]]
BOOKKEEPING = ("stage_states", "source_files", "source_records", "source_pulls", "quarantine", "failures")


@pytest.fixture
def fresh(asked: Connection) -> Iterator[Connection]:
    def empty() -> None:
        small_registry.empty(asked)
        for name in ("source_records", "source_pulls", "scheduled_jobs"):
            asked.database[name].delete_many({})

    empty()
    yield asked
    empty()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two crystals and a line that is none."""
    rows = [{"material_id": doc["source_id"], "structure": doc["structure"]} for doc in crystals("MoS2-2H", "BN-h")]
    path = tmp_path / "lab.jsonl"
    path.write_text("\n".join([*map(json.dumps, rows), "{not json"]))
    return path


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[MaterialsProjectServer]:
    with MaterialsProjectServer() as server:
        server.put(19006, rock_salt("Mn", 4.44))
        server.put(35, element("Mn", 2.3))
        server.put(1279, rock_salt("Fe", 4.3))
        server.put(13, element("Fe", 2.9))
        server.put(12957, element("O", 3.1))
        monkeypatch.setenv("EXFOLIO_MP_API_KEY", KEY)
        monkeypatch.setenv("EXFOLIO_MP_ENDPOINT", server.url)
        monkeypatch.setenv("EXFOLIO_WEB_FIRST_WAIT_SECONDS", "0.01")
        yield server


def remembered(connection: Connection, stage: str) -> dict[str, int]:
    counts = {name: connection.database[name].count_documents({"stage": stage}) for name in BOOKKEEPING}
    return {name: number for name, number in counts.items() if number}


def test_the_list_says_where_each_source_comes_from(
    fresh: Connection, ask: Ask, ask_json: Callable[..., Any], file: Path, api: MaterialsProjectServer
) -> None:
    assert ask("source", "list")[1].startswith("Nothing was ingested yet")
    ask("ingest", str(file))
    ask("ingest", "--kind", "materials-project", "--chemsys", "Mn-O")

    lab, mp = ask_json("source", "list")
    code, printed, _ = ask("source", "list")

    assert (lab["name"], lab["kind"], lab["places"]) == ("lab", "structures", [str(file)])
    assert (lab["records"], lab["quarantined"]) == (3, 1)
    assert (mp["name"], mp["places"]) == ("materials-project:Mn-O", ["api.materialsproject.org"])
    assert (mp["records"], mp["quarantined"]) == (6, 0)  # summary and thermo documents of Mn, O2 and MnO
    assert lab["ingested_at"] < mp["ingested_at"]
    assert code == 0
    assert f"  {file}\n" in printed
    assert "structures         3 records, 1 in quarantine, last 20" in printed


def test_a_dry_run_counts_and_changes_nothing(
    fresh: Connection, ask: Ask, ask_json: Callable[..., Any], file: Path
) -> None:
    ask("ingest", str(file))
    before = revisions(fresh)

    code, printed, _ = ask("source", "remove", "lab", "--dry-run")

    assert (code, "would deprecate 2 materials" in printed) == (0, True)
    assert ask_json("source", "remove", "lab", "--dry-run")["deprecated"] == {"materials": 2}
    assert revisions(fresh) == before
    assert ask_json("source", "list")[0]["name"] == "lab"


def test_a_removed_source_keeps_its_documents_and_is_not_read_again(
    fresh: Connection, ask: Ask, ask_json: Callable[..., Any], file: Path
) -> None:
    ask("ingest", str(file))
    ask("ingest", str(file), "--source", "other")

    code, _, said = ask("source", "remove", "lab", "--yes")

    assert (code, "lab is removed" in said) == (0, True)
    for doc in fresh.database["materials"].find({"source": "lab"}):
        assert (doc["deprecated"], doc["deprecation_reasons"]) == (True, ["source removed"])
        assert doc["structure"]
    assert keys(fresh, "materials", deprecated=False) == ["other:BN-h", "other:MoS2-2H"]
    assert remembered(fresh, "ingest:lab") == {}
    assert [source["name"] for source in ask_json("source", "list")] == ["other"]
    assert "ingest:lab" not in ask("refresh")[2]
    assert keys(fresh, "materials", deprecated=False) == ["other:BN-h", "other:MoS2-2H"]


def test_another_ingestion_brings_its_documents_back(fresh: Connection, ask: Ask, file: Path) -> None:
    ask("ingest", str(file))
    ask("source", "remove", "lab", "--yes")

    code, _, said = ask("ingest", str(file))

    assert (code, "2 changed, 1 in quarantine" in said) == (1, True)
    assert keys(fresh, "materials", deprecated=False) == ["lab:BN-h", "lab:MoS2-2H"]


def test_a_part_of_a_service_leaves_what_it_shares_with_another(
    fresh: Connection, ask: Ask, api: MaterialsProjectServer
) -> None:
    for system in ("Mn-O", "Fe-O"):
        ask("ingest", "--kind", "materials-project", "--chemsys", system)

    assert ask("source", "remove", "materials-project:Fe-O", "--yes")[0] == 0

    current = [key.removeprefix("materials-project:") for key in keys(fresh, "materials", deprecated=False)]
    assert current == ["mp-12957", "mp-19006", "mp-35"]
    assert remembered(fresh, "ingest:materials-project:Fe-O") == {}
    assert "nothing to do" in ask("ingest", "--kind", "materials-project", "--chemsys", "Mn-O")[2]

    assert ask("source", "remove", "materials-project", "--yes")[0] == 0
    assert keys(fresh, "materials", deprecated=False) == []
    assert keys(fresh, "reference_entries", deprecated=False) == []

    ask("ingest", "--kind", "materials-project", "--chemsys", "Fe-O")
    assert len(keys(fresh, "materials", deprecated=False)) == 3


def test_its_line_on_the_schedule_goes_and_the_settings_are_named(
    fresh: Connection, ask: Ask, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask("ingest", str(file))
    monkeypatch.setenv("EXFOLIO_SCHEDULE__SOURCES", '{"lab": "0 3 * * *"}')
    jobs = fresh.database["scheduled_jobs"]
    jobs.insert_many([{"job": "source lab", "cron": "0 3 * * *"}, {"job": "source other", "cron": "0 4 * * *"}])

    code, _, said = ask("source", "remove", "lab", "--yes")

    assert (code, "schedule.sources.lab" in said) == (0, True)
    assert jobs.distinct("job") == ["source other"]


@pytest.mark.parametrize(("answer", "code", "left"), [("n\n", 1, ["lab"]), ("y\n", 0, [])])
def test_it_asks_on_a_terminal(
    fresh: Connection,
    ask: Ask,
    ask_json: Callable[..., Any],
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
    left: list[str],
) -> None:
    ask("ingest", str(file))
    terminal = io.StringIO(answer)
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", terminal)

    assert ask("source", "remove", "lab")[0] == code

    assert [source["name"] for source in ask_json("source", "list")] == left


def test_without_a_terminal_it_wants_to_be_told(fresh: Connection, ask: Ask, file: Path) -> None:
    ask("ingest", str(file))

    code, _, said = ask("source", "remove", "lab")

    assert (code, "--yes" in said) == (2, True)
    assert remembered(fresh, "ingest:lab")


def test_a_name_that_is_none_ends_with_2_and_the_nearest(fresh: Connection, ask: Ask, file: Path) -> None:
    ask("ingest", str(file))

    code, _, said = ask("source", "remove", "labb", "--yes")

    assert (code, "Did you mean lab?" in said) == (2, True)


def test_a_source_that_a_campaign_reads_is_not_removed(
    fresh: Connection, ask: Ask, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXFOLIO_PROCESSES", "1")
    path = tmp_path / "layers.yaml"
    path.write_text(f"{CAMPAIGN}sources:\n  - kind: structures\n    options: {{paths: [{file}]}}\n")
    ask("refresh", str(path))

    code, _, said = ask("source", "remove", "lab", "--yes")

    assert (code, "next refresh would bring it back" in said) == (2, True)
    path.write_text(CAMPAIGN)
    ask("refresh", str(path))
    assert ask("source", "remove", "lab", "--yes")[0] == 0
    ask("refresh")
    assert keys(fresh, "materials", deprecated=False) == []


def test_a_source_that_is_being_read_ends_with_3(fresh: Connection, ask: Ask, file: Path) -> None:
    ask("ingest", str(file))

    with Lease(fresh, "stage ingest:lab", seconds=30):
        code, _, said = ask("source", "remove", "lab", "--yes")

    assert (code, "is being run by" in said) == (3, True)
    assert remembered(fresh, "ingest:lab")


def test_a_removal_that_is_cut_off_is_finished_by_the_next(
    fresh: Connection, ask: Ask, ask_json: Callable[..., Any], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from exfolio.builders.sources import removal

    ask("ingest", str(file))
    with monkeypatch.context() as patched:
        patched.setattr(removal, "_forget", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert ask("source", "remove", "lab", "--yes")[0] == 130
    assert [source["name"] for source in ask_json("source", "list")] == ["lab"]

    assert ask("source", "remove", "lab", "--yes")[0] == 0

    assert remembered(fresh, "ingest:lab") == {}
    [reasons] = {tuple(doc["deprecation_reasons"]) for doc in fresh.database["materials"].find()}
    assert reasons == ("source removed",)
    assert ask("status")[0] == 0
