"""``exfolio show``: one document with all that lies around it."""

from collections.abc import Callable
from typing import Any

from exfolio.stores.connection import Connection
from small_registry import FILE, RUN

Ask = Callable[..., tuple[int, str, str]]


def test_a_candidate_is_shown_with_gates_and_the_whole_way_back(registry: Connection, ask: Ask) -> None:
    code, printed, _ = ask("show", "two-dimensional/st-1890")

    assert code == 0
    for told in ("MoS2", "promoted", "exfoliable", "<= 0.2", "0.0765", "passed", "0.001 eV/atom", "PBE"):
        assert told in printed
    assert printed.index("structures st-1890e1f5735df206") < printed.index("materials bulk:mos2") < printed.index(FILE)
    assert f"file {FILE}  at line 1" in printed
    assert RUN in printed


def test_a_material_is_shown_with_its_crystal_its_monolayer_and_its_trouble(registry: Connection, ask: Ask) -> None:
    _, printed, _ = ask("show", "bulk:mos2")

    for told in ("P6_3/mmc", "1.230 eV", "c 12.2940 Å", "structures st-1890e1f5735df206", "told to fail", "look at it"):
        assert told in printed


def test_a_deprecated_document_says_why(registry: Connection, ask: Ask) -> None:
    _, printed, _ = ask("show", "bulk:old")

    assert "Deprecated: no longer in source bulk" in printed


def test_json_holds_everything(registry: Connection, ask_json: Callable[..., Any]) -> None:
    shown = ask_json("show", "bulk:mos2")

    assert shown["collection"] == "materials"
    assert shown["document"]["band_gap"] == 1.23
    assert shown["provenance"]["origins"] == [{"collection": "file", "id": FILE, "place": "line 1"}]
    assert [doc["structure_id"] for doc in shown["referred_to_by"]["structures"]] == ["st-1890e1f5735df206"]
    assert [failure["item"] for failure in shown["failures"]] == ["bulk:mos2"]


def test_an_id_that_is_none_suggests_one(registry: Connection, ask: Ask) -> None:
    code, _, said = ask("show", "bulk:mos3")

    assert code == 2
    assert "Near it: bulk:mos2" in said
