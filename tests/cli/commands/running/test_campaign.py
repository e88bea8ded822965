"""``exfolio campaign``: which there are, how one is begun and checked, and how one goes and comes back."""

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

Ask = Callable[..., tuple[int, str, str]]
FURTHER = ("settings_claims", "scheduled_jobs", "resting_points", "source_records")


@pytest.fixture
def fresh(asked: Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    def empty() -> None:
        small_registry.empty(asked)
        for name in FURTHER:
            asked.database[name].delete_many({})

    monkeypatch.setenv("EXFOLIO_PROCESSES", "1")  # starting workers takes longer than these few crystals
    empty()
    yield asked
    empty()


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    """A campaign file with a source file beside it."""
    rows = [{"material_id": doc["source_id"], "structure": doc["structure"]} for doc in crystals("BN-h", "MoS2-2H")]
    source = tmp_path / "lab.jsonl"
    source.write_text("\n".join(map(json.dumps, rows)))
    path = tmp_path / "layers.yaml"
    path.write_text(f"{CAMPAIGN}sources:\n  - kind: structures\n    options: {{paths: [{source}]}}\n")
    return path


def beside(layers: Path, name: str, route: str) -> Path:
    """The same campaign under another name, with other settings of its route."""
    path = layers.with_name(f"{name}.yaml")
    path.write_text(layers.read_text().replace("name: layers", f"name: {name}").replace("top-down: {}", route))
    return path


def test_the_list_has_what_was_refreshed_and_what_ships(
    fresh: Connection, ask: Ask, ask_json: Callable[..., Any], layers: Path
) -> None:
    ask("refresh", str(layers))

    first, *others = ask_json("campaign", "list")
    code, printed, _ = ask("campaign", "list")

    assert (first["name"], first["dimension"], first["gates"]) == ("layers", 2, ["valid", "novel", "exfoliable"])
    assert (first["promoted"], first["waiting"], first["rejected"]) == (0, 2, 0)
    assert (first["refreshed"], first["shipped"]) == (True, False)
    assert first["judged_at"].startswith("20")
    assert {(row["name"], row["refreshed"], row["dimension"]) for row in others} == {
        ("two-dimensional", False, 2),
        ("mg-mn-o-photoanode", False, 3),
        ("vanadium-oxides", False, 3),
    }
    assert code == 0
    assert "dimension 2, 3 gates  0 promoted, 2 waiting, 0 rejected, judged 20" in printed
    assert printed.count("not refreshed yet") == 3


def test_a_new_file_can_be_refreshed_as_it_is(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    code, _, said = ask("campaign", "new", "cobalt-layers")
    checked, printed, _ = ask("campaign", "check", "cobalt-layers.yaml")

    assert (code, "exfolio campaign check cobalt-layers.yaml" in said) == (0, True)
    assert (checked, "campaign cobalt-layers, dimension 2, routes top-down" in printed) == (0, True)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        (["--system", "Mg-O", "--dimension", "3", "--gap-min", "1.6"], "dimension 3, routes template, 6 gates"),
        (["--system", "S,Mo"], "dimension 2, routes top-down, template, 6 gates"),
        (["--formulas", "list.txt", "--ehull-max", "0.05"], "dimension 2, routes template, 6 gates"),
        (["--system", "Mn-O", "--dimension", "3", "--crystals"], "dimension 3, routes template, crystal-gan, 5 gates"),
    ],
)
def test_a_new_file_is_made_for_what_is_looked_for(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], shape: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.txt").write_text("MnO2\nTiS2\n")

    assert ask("campaign", "new", "mine", *options)[0] == 0
    code, printed, said = ask("campaign", "check", "mine.yaml")

    assert code == 0, said
    assert shape in printed


@pytest.mark.parametrize(
    ("typed", "said", "shape"),
    [
        (["", "", "", "", ""], [], "dimension 2, routes top-down, 6 gates"),
        (
            ["4", "3", "", "mn o", "Mn-O", "no", "0.05", "1.6", "-1", "3"],
            ["'4' is neither", "made of compositions", "no element 'mn o'", "'no' is no number", "'-1' is no number"],
            "dimension 3, routes template, 6 gates",
        ),
    ],
    ids=["nothing in particular", "corrected at once"],
)
def test_on_a_terminal_it_asks_until_an_answer_can_be_read(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: list[str], said: list[str], shape: str
) -> None:
    monkeypatch.chdir(tmp_path)
    at_a_terminal(monkeypatch, "\n".join([*typed, ""]))

    code, _, told = ask("campaign", "new", "mine")
    _, printed, _ = ask("campaign", "check", "mine.yaml")

    assert code == 0, told
    assert [words for words in said if words not in told] == []
    assert shape in printed


def test_a_question_that_is_left_is_an_interruption(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    at_a_terminal(monkeypatch, "3\n")  # and the end of input, as Ctrl-D

    code, _, told = ask("campaign", "new", "mine")

    assert (code, "nothing was written" in told, list(tmp_path.iterdir())) == (130, True, [])


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    terminal = io.StringIO(typed)
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", terminal)


def test_a_list_that_can_not_be_read_makes_no_file_and_is_told_by_the_check(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.txt").write_text("MnO2\nmno\n")

    code, _, said = ask("campaign", "new", "mine", "--formulas", "list.txt")
    assert (code, "list.txt, line 2: 'mno'" in said, Path("mine.yaml").exists()) == (2, True, False)
    assert ask("campaign", "new", "mine", "--dimension", "3")[0] == 2
    assert ask("campaign", "new", "mine", "--system", "Mg-Zz")[0] == 2
    assert ask("campaign", "new", "mine", "--system", "Mg-O", "--crystals")[0] == 2  # which are bulk
    assert ask("campaign", "new", "mine", "--gap-min", "3", "--gap-max", "1")[0] == 2

    Path("list.txt").write_text("MnO2\n")
    ask("campaign", "new", "mine", "--formulas", "list.txt")
    Path("list.txt").write_text("MnO2\nmno\n")
    code, _, said = ask("campaign", "check", "mine.yaml")
    assert code == 2
    assert "mine.yaml, line" in said
    assert "list.txt, line 2: 'mno'" in said


def test_what_a_new_file_leaves_out_can_be_put_in(ask: Ask, tmp_path: Path) -> None:
    # Given a new file in which every line that is commented out is put in
    path = tmp_path / "all.yaml"
    ask("campaign", "new", "all", "--out", str(path))
    head, *rest = path.read_text().split("\nname:")
    whole = "\n".join(line.removeprefix("#") for line in rest[0].splitlines())
    path.write_text(f"{head}\nname:{whole}\n".replace("paths: [my-structures/]", f"paths: [{path}]"))

    # When it is checked, then nothing is wrong with it
    code, printed, said = ask("campaign", "check", str(path))
    assert code == 0, said
    assert "routes top-down, bottom-up, 7 gates" in printed


def test_a_file_that_is_there_is_left_alone(ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("mine")

    code, _, said = ask("campaign", "new", "mine", "--out", str(path))

    assert (code, path.read_text()) == (2, "mine")
    assert "is there already" in said
    assert ask("campaign", "new", "Mine!")[0] == 2


@pytest.mark.parametrize(
    ("wrong", "right", "says"),
    [
        ("vaccum: 3\nname", "name", "line 1: vaccum: no such field"),
        ("at_most: 0.2", "at_most: 0.2\n    at_least: 0.1", "line 11: gates.2: a gate has exactly one condition"),
        ("kind: structures", "kind: structure", "line 15: sources.0: there is no kind of source called 'structure'"),
        (
            "routes:",
            "compositions: {roost: {config: {epoch: 3}}, gates: [{name: a, field: novel, is: true}]}\nroutes:",
            "line 2: compositions.roost: config of roost",
        ),
        ("top-down: {}", "top-down: {rules: papers}", "line 3: routes.top-down.rules"),
    ],
    ids=["no field", "two conditions", "no source", "no setting of a model", "no rule"],
)
def test_a_mistake_is_named_with_its_line_and_needs_no_database(
    ask: Ask, layers: Path, monkeypatch: pytest.MonkeyPatch, wrong: str, right: str, says: str
) -> None:
    monkeypatch.setenv("EXFOLIO_MONGO_URI", "mongodb://127.0.0.1:9/?replicaSet=none")
    text = layers.read_text()
    layers.write_text(text.replace(wrong, right) if wrong in text else wrong.replace("name", text, 1))

    code, printed, said = ask("campaign", "check", str(layers))

    assert (code, printed) == (2, "")
    assert f"layers.yaml, {says}" in said


def test_a_dry_run_counts_and_changes_nothing(
    fresh: Connection, ask: Ask, ask_json: Callable[..., Any], layers: Path
) -> None:
    ask("refresh", str(layers))
    before = revisions(fresh)

    code, printed, _ = ask("campaign", "remove", "layers", "--dry-run")

    assert (code, "would deprecate 2 candidates, 2 structures" in printed) == (0, True)
    assert ask_json("campaign", "remove", "layers", "--dry-run")["deprecated"] == {"candidates": 2, "structures": 2}
    assert revisions(fresh) == before


def test_a_removed_campaign_is_not_brought_back_by_a_refresh(
    fresh: Connection, ask: Ask, ask_json: Callable[..., Any], layers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a campaign that was refreshed and has a line on the schedule
    ask("refresh", str(layers))
    monkeypatch.setenv("EXFOLIO_SCHEDULE__CAMPAIGNS", json.dumps({str(layers): "0 3 * * *"}))
    fresh.database["scheduled_jobs"].insert_many([{"job": "campaign layers"}, {"job": "campaign other"}])

    # When it is removed, and everything is refreshed
    code, _, said = ask("campaign", "remove", "layers", "--yes")
    refreshed = ask("refresh")

    # Then its documents stay where they are, deprecated, and nothing else is known of it
    assert (code, "layers is removed" in said, "schedule.campaigns" in said) == (0, True, True)
    assert (refreshed[0], "judge:layers" in refreshed[2]) == (0, False)
    for collection in ("candidates", "structures"):
        assert keys(fresh, collection, deprecated=False) == []
        reasons = [doc["deprecation_reasons"] for doc in fresh.database[collection].find()]
        assert reasons == [["campaign removed"]] * 2
    assert keys(fresh, "materials", deprecated=False) == ["lab:BN-h", "lab:MoS2-2H"]
    assert fresh.database["settings_claims"].count_documents({"campaign": "layers"}) == 0
    assert fresh.database["scheduled_jobs"].distinct("job") == ["campaign other"]
    assert "layers" not in [row["name"] for row in ask_json("campaign", "list")]
    assert ask("refresh")[2].startswith("Nothing is due")


def test_refreshing_it_again_brings_all_back(
    fresh: Connection, ask: Ask, ask_json: Callable[..., Any], layers: Path
) -> None:
    ask("refresh", str(layers))
    before = {name: keys(fresh, name, deprecated=False) for name in ("candidates", "structures", "properties")}
    ask("campaign", "remove", "layers", "--yes")
    ask("refresh")

    code, _, said = ask("refresh", str(layers))

    assert code == 0, said
    assert {name: keys(fresh, name, deprecated=False) for name in before} == before
    assert ask_json("campaign", "list")[0]["waiting"] == 2
    assert ask("refresh")[2].startswith("Nothing is due")


def test_what_another_campaign_makes_too_stays(fresh: Connection, ask: Ask, layers: Path) -> None:
    # Given two campaigns that cut the same layers, of which the second substitutes in them as well
    more = beside(layers, "more", "top-down: {}\n  bottom-up: {}")
    ask("refresh", str(layers), str(more))
    cut, substituted = (set(keys(fresh, "structures", route=route)) for route in ("top-down", "bottom-up"))
    assert len(cut) == 2
    assert substituted

    # When the second goes
    assert ask("campaign", "remove", "more", "--yes")[0] == 0

    # Then what it made with the first stays as it is, and what only it made goes
    assert set(keys(fresh, "structures", deprecated=False)) == cut
    assert set(keys(fresh, "structures", deprecation_reasons=["campaign removed"])) == substituted
    assert len(keys(fresh, "candidates", deprecated=False, campaign="layers")) == 2


def test_without_a_terminal_it_wants_to_be_told(fresh: Connection, ask: Ask, layers: Path) -> None:
    ask("refresh", str(layers))

    code, _, said = ask("campaign", "remove", "layers")

    assert (code, "--yes" in said) == (2, True)
    assert len(keys(fresh, "candidates", deprecated=False)) == 2


def test_a_name_that_is_none_ends_with_2(fresh: Connection, ask: Ask, layers: Path) -> None:
    ask("refresh", str(layers))

    code, _, said = ask("campaign", "remove", "layer", "--yes")

    assert (code, "there are: layers" in said) == (2, True)


def test_it_waits_for_no_refresh(fresh: Connection, ask: Ask, layers: Path) -> None:
    ask("refresh", str(layers))

    with Lease(fresh, "refresh", seconds=30):
        code, _, said = ask("campaign", "remove", "layers", "--yes")

    assert (code, "is being run by" in said) == (3, True)
    assert len(keys(fresh, "candidates", deprecated=False)) == 2


def test_a_removal_that_is_cut_off_is_finished_by_the_next(
    fresh: Connection, ask: Ask, layers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from exfolio.builders.candidates import removal

    ask("refresh", str(layers))
    with monkeypatch.context() as patched:
        patched.setattr(removal, "_forget", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert ask("campaign", "remove", "layers", "--yes")[0] == 130

    assert ask("campaign", "remove", "layers", "--yes")[0] == 0

    assert fresh.database["stage_states"].count_documents({"stage": {"$in": ["judge:layers", "top-down"]}}) == 0
    reasons = {tuple(doc["deprecation_reasons"]) for doc in fresh.database["structures"].find()}
    assert reasons == {("campaign removed",)}
