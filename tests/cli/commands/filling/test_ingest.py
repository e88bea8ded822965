"""``exfolio ingest``: what a person is told, what a program gets, and what the shell sees."""

import gzip
import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import small_registry
from exfolio.stores.bookkeeping.leases import Lease
from exfolio.stores.connection import Connection
from known_crystals import crystals, keys, revisions

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def fresh(asked: Connection) -> Iterator[Connection]:
    small_registry.empty(asked)
    yield asked
    small_registry.empty(asked)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two crystals and a line that is none."""
    rows = [
        {"material_id": doc["source_id"], "structure": doc["structure"]} for doc in crystals("MoS2-2H", "NaCl-rocksalt")
    ]
    path = tmp_path / "lab.jsonl"
    path.write_text("\n".join([*map(json.dumps, rows), "{not json"]))
    return path


def test_a_file_is_recognised_and_brought_in(fresh: Connection, ask: Ask, file: Path) -> None:
    code, printed, said = ask("ingest", str(file))

    assert (code, printed) == (1, ""), "part of it went into quarantine"
    assert "lab: 2 new, 1 in quarantine" in said
    assert "exfolio query quarantine 'stage = \"ingest:lab\"'" in said
    assert keys(fresh, "materials") == ["lab:MoS2-2H", "lab:NaCl-rocksalt"]

    code, _, said = ask("ingest", str(file))
    assert (code, "nothing to do" in said) == (0, True)


def test_the_command_it_names_shows_what_is_wrong(fresh: Connection, ask: Ask, file: Path) -> None:
    ask("ingest", str(file))

    code, printed, _ = ask("query", "quarantine", 'stage = "ingest:lab"', "--json")

    assert code == 0
    assert "line 3" in printed


def test_json_is_one_document(fresh: Connection, ask_json: Callable[..., Any], file: Path) -> None:
    report = ask_json("ingest", str(file), "--source", "mine", "--kind", "structures", code=1)

    assert (report["stage"], report["inserted"], report["quarantined"]) == ("ingest:mine", 2, 1)


def test_a_dry_run_says_what_would_happen_and_writes_nothing(
    fresh: Connection, ask: Ask, ask_json: Callable[..., Any], file: Path
) -> None:
    before = revisions(fresh)

    code, printed, _ = ask("ingest", str(file), "--dry-run")
    found = ask_json("ingest", str(file), "--dry-run", code=1)

    assert code == 1
    assert "would bring 2 into materials" in printed
    assert "would put 1 into quarantine" in printed
    assert "lab:MoS2-2H" in printed
    assert f"{file}, line 3" in printed
    assert found["documents"] == {"materials": 2}
    [complaint] = found["quarantine"]
    assert (complaint["file"], complaint["place"]) == (str(file), "line 3")
    assert revisions(fresh) == before
    for name in ("materials", "quarantine", "source_files", "stage_states", "runs"):
        assert fresh.database[name].count_documents({}) == 0


def test_a_dry_run_needs_no_server(ask: Ask, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXFOLIO_MONGO_URI", "mongodb://127.0.0.1:9/?replicaSet=none")
    monkeypatch.setenv("EXFOLIO_SERVER_WAIT_SECONDS", "0.2")

    code, _, said = ask("ingest", str(file), "--dry-run")

    assert (code, "The registry was not looked at" in said) == (1, True)


def test_what_a_dry_run_accepts_the_run_accepts(fresh: Connection, ask: Ask, tmp_path: Path) -> None:
    records = [{"material_id": f"m-{n}", "formula_pretty": "NaCl", "band_gap": 5 + n / 100} for n in range(20)]
    file = tmp_path / "lab.jsonl"
    file.write_text("\n".join(map(json.dumps, records)))
    assert ask("ingest", str(file))[0] == 0
    other = tmp_path / "other.csv"
    other.write_text("formula,gap (eV)\nNaCl,5\n")

    for further in ((), ("--dry-run",)):
        code, _, said = ask("ingest", str(other), "--source", "lab", *further)
        assert (code, "source lab was read as structures, not as table" in said) == (2, True)

    file.write_text("\n".join(map(json.dumps, [*records[:15], {**records[3], "band_gap": 9.0}])))
    code, printed, said = ask("ingest", str(file), "--dry-run")
    assert (code, "no longer has 5 of its 20 records" in said) == (3, True)
    assert "would put 1 into quarantine" in printed
    assert "lab:m-3 is the id of line 4 too" in printed
    assert "would retire 5 of materials: lab:m-15, lab:m-16" in printed

    assert ask("ingest", str(file))[0] == 3
    assert ask("ingest", str(file), "--dry-run", "--accept-loss")[0] == 1
    code, _, said = ask("ingest", str(file), "--accept-loss")
    assert (code, "5 deprecated" in said) == (0, True), "what is wrong went into quarantine before"


def test_a_table_with_declared_units(fresh: Connection, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "gaps.csv").write_text("formula,Ef\nMoS2,-812\n")

    code, _, said = ask(
        "ingest", str(tmp_path / "gaps.csv"), "--column", "formation_energy=Ef:meV/atom", "--method", "PBE"
    )

    assert code == 0, said
    [mos2] = fresh.database["materials"].find()
    assert mos2["formation_energy"] == pytest.approx(-0.812)
    assert mos2["methods"] == {"formation_energy": "PBE"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "neither a path nor --kind is given"),
        (("nowhere.json",), "nowhere.json"),
        (("--kind", "handbok"), "no kind of source called 'handbok'"),
        (("--kind", "structures"), "needs the path of a file or folder"),
        (("{file}", "--column", "nonsense"), "Example: --column formation_energy=Ef:eV/atom"),
        (("{file}", "--column", "band_gap=gap:eV"), "has no option columns"),
        (("{file}", "--source", "two words"), "the source can't be called 'two words'"),
        (("{empty}",), "empty.json"),
        (("{image}", "--kind", "structures"), "image.json"),
        (("{file}", "--no-such-option"), "No such option"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else " ".join(value) or "nothing",
)
def test_bad_usage_ends_with_2_and_says_why(
    fresh: Connection, ask: Ask, file: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    (tmp_path / "empty.json").touch()
    (tmp_path / "image.json").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    places = {"file": str(file), "empty": str(tmp_path / "empty.json"), "image": str(tmp_path / "image.json")}

    code, printed, said = ask("ingest", *(argument.format(**places) for argument in arguments))

    assert (code, printed) == (2, ""), said
    assert says in said
    assert "defect" not in said
    assert keys(fresh, "materials") == []


def test_a_source_of_two_kinds_ends_with_2(fresh: Connection, ask: Ask, file: Path, tmp_path: Path) -> None:
    ask("ingest", str(file))
    (tmp_path / "lab.csv").write_text("formula,band_gap\nMoS2,1.2\n")

    code, _, said = ask("ingest", str(tmp_path / "lab.csv"), "--source", "lab")

    assert code == 2
    assert "was read as structures, not as table" in said
    assert "--source NAME" in said


def test_a_large_loss_ends_with_3_until_it_is_accepted(fresh: Connection, ask: Ask, file: Path) -> None:
    file.write_text("\n".join(file.read_text().splitlines()[:2]))
    ask("ingest", str(file))
    file.write_text(file.read_text().splitlines()[0])

    code, _, said = ask("ingest", str(file))
    assert code == 3
    assert "no longer has 1 of its 2 records" in said
    assert "--accept-loss" in said

    code, _, said = ask("ingest", str(file), "--accept-loss")
    assert code == 0
    assert "1 deprecated" in said


def test_a_source_that_somebody_else_reads_ends_with_3(fresh: Connection, ask: Ask, file: Path) -> None:
    with Lease(fresh, "stage ingest:lab", seconds=30):
        code, _, said = ask("ingest", str(file))

    assert code == 3
    assert "is being run by" in said


def test_a_server_that_is_away_ends_with_3(ask: Ask, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXFOLIO_MONGO_URI", "mongodb://127.0.0.1:9/?replicaSet=none")
    monkeypatch.setenv("EXFOLIO_SERVER_WAIT_SECONDS", "0.2")

    assert ask("ingest", str(file))[0] == 3


# An ingestion that fails before anything came in


@pytest.mark.parametrize("content", [None, "layer,gap\nMoS2,1.2\n"], ids=["missing", "a table without formulas"])
def test_a_source_that_could_never_be_read_is_not_registered(
    fresh: Connection, ask: Ask, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "new.csv"
    if content is not None:
        path.write_text(content)

    assert ask("ingest", str(path), "--kind", "table", "--source", "new")[0] == 2

    code, printed, _ = ask("status")
    assert (code, "ingest:new" in printed) == (0, False)
    code, _, said = ask("refresh")
    assert (code, "ingest:new" in said) == (0, False)


def test_a_source_that_was_read_once_stays_registered_when_it_goes_away(
    fresh: Connection, ask: Ask, file: Path
) -> None:
    ask("ingest", str(file))
    content = file.read_bytes()
    file.unlink()

    assert ask("ingest", str(file), "--kind", "structures")[0] == 2
    assert "ingest:lab" in ask("status")[1]
    code, _, said = ask("refresh")
    assert code == 1
    assert "lab.jsonl" in said

    file.write_bytes(content)
    assert ask("refresh")[0] == 0


def test_a_mistaken_path_does_not_replace_the_one_that_worked(
    fresh: Connection, ask: Ask, file: Path, tmp_path: Path
) -> None:
    ask("ingest", str(file))

    assert ask("ingest", str(tmp_path / "typo.jsonl"), "--kind", "structures", "--source", "lab")[0] == 2

    # and leaves nothing that a monitor would report until somebody mends it
    assert ask("status", "--health")[0] == 0
    code, _, said = ask("refresh")
    assert (code, "typo" in said) == (0, False)


def test_a_new_source_that_somebody_else_reads_is_left_to_them(fresh: Connection, ask: Ask, tmp_path: Path) -> None:
    fresh.database["stage_states"].insert_one({"stage": "ingest:new", "fingerprint": "theirs", "token": 0})
    with Lease(fresh, "stage ingest:new", seconds=30):
        assert ask("ingest", str(tmp_path / "new.csv"), "--kind", "table")[0] == 3

    assert fresh.database["stage_states"].count_documents({"stage": "ingest:new"}) == 1


def test_what_is_wrong_is_told_in_one_go(fresh: Connection, ask: Ask, tmp_path: Path) -> None:
    rows = [f"MoS2;-0,{n}" for n in range(10, 35)]
    (tmp_path / "lab.csv").write_text("\n".join(["formula;Ef", *rows]))
    arguments = ("ingest", str(tmp_path / "lab.csv"), "--column", "formation_energy=Ef:eV/atom")

    for code, told in ((0, ask(*arguments, "--dry-run")[1]), (0, ask(*arguments)[2])):
        assert code == 0
        assert told.count("decimal comma: --decimal ,") == 20
        assert "row 2: formation_energy is no number but '-0,10'" in told
        assert "… and 5 more" in told
    assert "25 new" in ask(*arguments, "--decimal", ",")[2]


def test_the_commands_of_the_page_on_compositions_work(ask: Ask, tmp_path: Path, monkeypatch: Any) -> None:
    page = Path(__file__).parents[4] / "docs" / "compositions.md"
    commands = [line.split("#")[0] for line in page.read_text().splitlines() if line.startswith("    exfolio ingest ")]
    # Headers as Matbench and 2DMatPedia have them.
    tables = {
        "mp.csv.gz": "formula,formation_energy_per_atom\nMgO,-3.0\n",
        "2dmatpedia.csv.gz": "material_id,formula\n2dm-1,MoS2\n",
    }
    monkeypatch.chdir(tmp_path)
    for name, content in tables.items():
        Path(name).write_bytes(gzip.compress(content.encode()))

    answers = [ask(*shlex.split(command)[1:], "--dry-run") for command in commands]

    assert len(commands) == 2
    assert [(code, "would bring 1 into materials" in printed) for code, printed, _ in answers] == [(0, True)] * 2


def test_compositions_of_ones_own_are_a_campaign_of_the_name_of_their_source(
    judged: Connection, ask: Ask, ask_json: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "My spinels.txt"
    file.write_text("MgMn2O4  # spinel\nTiS2\n", encoding="utf-8")

    told = ask_json("ingest", "compositions", str(file), "--dry-run")
    code, _, said = ask("ingest", "compositions", str(file), "--source", "layers")
    file.write_text("MgMn2O4\nMg(\n", encoding="utf-8")
    wrong, _, line = ask("ingest", "compositions", str(file))

    assert (told["campaign"], told["compositions"]) == ("my-spinels", ["MgMn2O4", "TiS2"])
    assert (code, "there is a campaign layers already" in said) == (2, True)
    assert (wrong, "line 2: 'Mg('" in line) == (2, True)
    assert ask("ingest", "compositions", str(file), str(file))[0] == 2
