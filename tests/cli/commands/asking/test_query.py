"""``exfolio query`` as a person and a program use it."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_registry
from exfolio.stores.connection import Connection
from exfolio.stores.query import counting

Ask = Callable[..., tuple[int, str, str]]


def ids(answer: dict[str, Any]) -> list[str]:
    return [next(iter(doc.values())).removeprefix("bulk:") for doc in answer["documents"]]


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        (["--elements", "Mn,O", "--ehull-max", "0.08"], ["mno", "mno2"]),
        (["--only-elements", "O-Mn"], ["mno", "mno2"]),
        (["--formula", "S2Mo"], ["mos2"]),
        (["--gap-min", "1", "--gap-max", "3"], ["mos2", "tio2"]),
        (["--layered"], ["mos2"]),
        (["--not-layered"], ["mno", "nacl"]),
        (["--nsites-max", "2"], ["mno", "nacl"]),
        (["--source", "bulk", 'elements HAS "Cl"'], ["nacl"]),
        (["--deprecated", 'elements HAS "Fe"'], ["old"]),
        (["--sort", "-band_gap", "--limit", "2"], ["nacl", "tio2"]),
        (["--sort", "band_gap", "--limit", "2", "--offset", "3"], ["nacl", "limno2"]),
    ],
)
def test_options_and_filter_are_met_together(
    registry: Connection, ask_json: Callable[..., Any], options: list[str], keys: list[str]
) -> None:
    filter_ = [option for option in options if "HAS" in option]
    rest = [option for option in options if "HAS" not in option]

    assert ids(ask_json("query", "materials", *filter_, "--fields", "id", *rest)) == keys


def test_candidates_are_asked_when_nothing_is_named(registry: Connection, ask_json: Callable[..., Any]) -> None:
    answer = ask_json("query", 'status = "promoted"')

    assert answer["collection"] == "candidates"
    assert answer["total"] == 1
    assert answer["documents"][0]["formula_reduced"] == "MoS2"
    assert ask_json("query", "--source", "bulk")["total"] == 1, "what was made from a material of the source"
    assert ask_json("query", "--status", "rejected", "--campaign", "two-dimensional")["total"] == 1


def test_the_table_has_units_and_says_how_many_there_are(registry: Connection, ask: Ask) -> None:
    code, printed, said = ask("query", "--exfoliation-max", "0.2")

    assert code == 0
    assert "two-dimensional/st-1890e1f5735df206" in printed
    assert "eV/atom" in printed
    assert "0.076" in printed
    assert "band gap" not in printed, "a column without a value is left out"
    assert said == "1 candidate\n"
    assert max(map(len, printed.splitlines())) <= 100


def test_a_value_that_is_only_a_bound_is_marked_as_one(own_registry: Connection, ask: Ask) -> None:
    lower = {"$set": {"lows": {"exfoliation_energy": 0.0765}}}
    own_registry.database["candidates"].update_one({"exfoliation_energy": 0.0765}, lower)

    code, _, said = ask("query", "--exfoliation-max", "0.2")
    assert (code, said) == (0, "No candidates found.\n"), "it may be more"
    _, printed, _ = ask("query", "--exfoliation-max", "0.2", "--possible")
    assert "≥ 0.076" in printed
    assert "≥ 0.001" not in printed
    assert "lows" not in printed


def test_programs_get_the_ends_beside_the_value(own_registry: Connection, ask: Ask, tmp_path: Path) -> None:
    kept = {"lows": {"exfoliation_energy": 0.0765, "work_function": 4.1}, "highs": {"work_function": 4.9}}
    change = {"$set": {**kept, "values": {"work_function": 4.5}}}
    own_registry.database["candidates"].update_one({"exfoliation_energy": 0.0765}, change)
    chosen = ("--possible", "--exfoliation-max", "0.2")
    fields = ("--fields", "exfoliation_energy,energy_above_hull,values.work_function,values")

    _, as_csv, _ = ask("query", *chosen, *fields, "--format", "csv")
    _, as_json, _ = ask("query", *chosen, *fields, "--json")
    _, table, _ = ask("query", *chosen, *fields)
    ask("export", "candidates", *chosen, "--format", "csv", "--out", str(tmp_path / "all.csv"))

    [row] = csv.DictReader(io.StringIO(as_csv))
    stated = ("exfoliation_energy", "energy_above_hull", "values.work_function")
    assert [tuple(row[f"{name}{end}"] for end in ("", "_low", "_high")) for name in stated] == [
        ("0.0765", "0.0765", ""),
        ("0.0012", "0.0012", "0.0012"),
        ("4.5", "4.1", "4.9"),
    ]
    [document] = json.loads(as_json)["documents"]
    assert {name: document[name] for name in kept} == kept
    assert "4.5 (4.1 to 4.9)" in table
    [exported] = csv.DictReader((tmp_path / "all.csv").read_text(encoding="utf-8").splitlines())
    assert (exported["exfoliation_energy_low"], exported["exfoliation_energy_high"]) == ("0.0765", "")


def test_a_table_is_cut_and_says_so(registry: Connection, ask: Ask) -> None:
    _, printed, said = ask("query", "materials", "--limit", "2")

    assert len([line for line in printed.splitlines() if "bulk:" in line]) == 2
    assert said == "6 materials, the first 2 shown (--limit 0 shows all)\n"


def test_none_found_is_no_error(registry: Connection, ask: Ask) -> None:
    assert ask("query", "materials", "nsites > 99") == (0, "", "No materials found.\n")
    said = ask("query", "materials", 'formula = "S4Mo2"')[2]
    assert said == "No materials found. (formula is as its source wrote it; formula_reduced is found in any spelling)\n"
    code, printed, said = ask("query", "calculations")
    assert (code, printed) == (0, "")
    assert "has no calculations at all yet: exfolio ingest vasp FOLDER" in said


def test_csv_and_json_lines_can_be_read_back(registry: Connection, ask: Ask) -> None:
    _, printed, _ = ask(
        "query", "materials", "--format", "csv", "--fields", "id,elements,layered,band_gap,space_group.number"
    )
    rows = {row["material_id"]: row for row in csv.DictReader(io.StringIO(printed))}
    assert json.loads(rows["bulk:mos2"]["elements"]) == ["Mo", "S"]
    assert (rows["bulk:mos2"]["layered"], rows["bulk:mos2"]["space_group.number"]) == ("true", "194")
    assert float(rows["bulk:mos2"]["band_gap"]) == 1.23
    assert rows["bulk:mno"]["band_gap"] == ""

    _, printed, said = ask("query", "materials", "--format", "jsonl")
    documents = [json.loads(line) for line in printed.splitlines()]
    assert len(documents) == 6
    assert documents[3]["structure"]["lattice"]["matrix"][2][2] == pytest.approx(12.294)
    assert said == "6 materials\n"


def test_an_empty_answer_in_json_is_json(registry: Connection, ask_json: Callable[..., Any]) -> None:
    assert ask_json("query", "materials", "nsites > 99") == {
        "collection": "materials",
        "filter": "nsites > 99",
        "total": 0,
        "documents": [],
    }


def test_the_fields_of_a_collection_are_listed(registry: Connection, ask: Ask, ask_json: Callable[..., Any]) -> None:
    code, printed, _ = ask("query", "candidates", "--fields-help")
    assert code == 0
    assert "energy_above_hull" in printed
    assert "eV/atom" in printed
    listed = {field["name"]: field for field in ask_json("query", "materials", "--fields-help")}
    assert listed["band_gap"]["unit"] == "eV"
    assert listed["material_id"]["optimade"] == "id"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["query", "materials", "bandgap < 1"], "Did you mean band_gap"),
        (["query", "matrials"], "Did you mean materials?"),
        (["query", "materials", "--elements", "Mm"], "no symbol of an element"),
        (["query", "materials", "--status", "promoted"], "materials have no field 'status'"),
        (["query", "--status", "promotd"], "It is one of: promoted, waiting, rejected."),
        (["query", "--formula", "hello"], "'hello' is no formula"),
        (["query", "--json", "--format", "csv"], "contradict each other"),
        (["query", "--sort", "elements"], "can't be put in order"),
        (["query", "--limit", "-1"], "limit"),
    ],
)
def test_bad_usage_ends_with_2_and_a_way_out(registry: Connection, ask: Ask, arguments: list[str], told: str) -> None:
    code, printed, said = ask(*arguments)

    assert (code, printed) == (2, "")
    assert told in said


def test_a_database_that_was_never_prepared_is_named(
    asked: Connection, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXFOLIO_DATABASE", f"{asked.name}_other")
    for command in (["query"], ["status"], ["show", "x"], ["diff", "last"], ["retry", "--all"]):
        code, _, said = ask(*command)
        assert code == 2
        assert "holds no registry yet" in said
        assert "exfolio db init" in said


def test_documents_are_written_as_they_come(own_registry: Connection, ask: Ask) -> None:
    small_registry.empty(own_registry)
    many = [small_registry.material(f"bulk:{i:05}", "MoS2", "Mo-S", nsites=3) for i in range(3000)]
    small_registry.put(own_registry, small_registry.Material, many)

    _, printed, said = ask("query", "materials", "--format", "jsonl", "--columns", "id")

    assert [json.loads(line)["material_id"] for line in printed.splitlines()] == [doc["material_id"] for doc in many]
    assert said == "3,000 materials\n"


def test_the_next_page_begins_behind_a_document(
    registry: Connection, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ("query", "materials", "--sort", "-band_gap", "--limit", "2")

    _, printed, said = ask(*first, "--after", "bulk:tio2")

    assert re.findall(r"bulk:\w+", printed) == ["bulk:mos2", "bulk:mno2"]
    assert said == "6 materials, 2 behind bulk:tio2 shown (--limit 0 shows all; the next: --after bulk:mno2)\n"
    code, _, said = ask(*first, "--after", "bulk:xyz")
    assert code == 2
    assert "no material_id 'bulk:xyz'" in said


def test_an_estimated_number_is_marked_and_can_be_had_exactly(
    registry: Connection, ask: Ask, ask_json: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "EXACT_TO", 2)
    monkeypatch.setattr(counting, "_SMALL", 0)

    _, _, said = ask("query", "materials", "nsites > 1", "--limit", "3")
    assert said == "~6 materials, the first 3 shown (--limit 0 shows all)\n"
    assert ask_json("query", "materials", "nsites > 1", "--limit", "3")["total_is_estimate"] is True
    assert ask_json("query", "materials", "nsites > 1", "--count")["count"] == 6
    _, printed, _ = ask("query", "materials", "nsites > 1", "--count")
    assert printed == "6 materials\n"
