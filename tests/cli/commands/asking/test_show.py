"""``exfolio show``: one document with all that lies around it."""

from collections.abc import Callable
from typing import Any

import small_registry
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Material, Property
from exfolio.stores.transactions import in_transaction
from exfolio.stores.writes.writing import FacetWriter
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
    origin = {"collection": "file", "id": FILE, "place": "line 1", "stage": "ingest:bulk"}
    assert shown["provenance"]["origins"] == [origin]
    assert shown["document"]["facets"]["record"]["run_id"] == RUN
    assert [doc["structure_id"] for doc in shown["referred_to_by"]["structures"]] == ["st-1890e1f5735df206"]
    assert [failure["item"] for failure in shown["failures"]] == ["bulk:mos2"]


def test_of_a_formula_all_that_is_known_is_shown_however_it_is_written(
    registry: Connection, ask: Ask, ask_json: Callable[..., Any]
) -> None:
    for written in ("MoS2", "S2Mo", "Mo2S4", "MoS₂"):
        code, printed, _ = ask("show", written)
        assert code == 0
        for told in (
            "materials of MoS2",
            "bulk:mos2",
            "structures of MoS2",
            "st-1890e1f5735df206",
            "candidates of MoS2",
        ):
            assert told in printed.replace("1 structure of", "structures of").replace(
                "1 material of", "materials of"
            ).replace("1 candidate of", "candidates of")
    found = ask_json("show", "S4Mo2")["of_formula"]
    assert [doc["material_id"] for doc in found["materials"]["documents"]] == ["bulk:mos2"]


def test_of_a_formula_it_is_shown_what_has_been_made(own_registry: Connection, ask: Ask) -> None:
    assert "synthesised" not in ask("show", "MoS2")[1]

    own_registry.database["materials"].update_one({"material_id": "bulk:mos2"}, {"$set": {"synthesised": True}})

    assert "synthesised" in ask("show", "MoS2")[1]
    assert "bulk:mos2" in ask("query", "materials", "synthesised = TRUE")[1]


def test_an_id_of_a_source_is_found_without_it_and_in_both_notations_of_the_materials_project(
    own_registry: Connection, ask: Ask
) -> None:
    # Given a material of the Materials Project, whose ids are numbers or the same in letters (mp-8039 is mp-lxf)
    renamed = {"material_id": "bulk:mp-8039", "source_id": "mp-8039"}
    own_registry.database["materials"].update_one({"material_id": "bulk:mno2"}, {"$set": renamed})
    # When it is asked for
    for name in ("mp-8039", "mp-lxf", "mp-aaaaalxf", "bulk:mp-lxf", "mos2"):
        # Then it is found
        assert ask("show", name)[1].startswith("bulk:mos2" if name == "mos2" else "bulk:mp-8039")


def test_an_id_that_is_none_suggests_one(registry: Connection, ask: Ask) -> None:
    code, _, said = ask("show", "bulk:mos3")

    assert code == 2
    assert "Near it: bulk:mos2" in said


def test_values_of_a_structure_come_with_method_competing_phases_snapshot_and_what_is_wrong(
    own_registry: Connection, ask: Ask, ask_json: Callable[..., Any]
) -> None:
    structure = "st-1890e1f5735df206"
    base = {"structure_id": structure, "basis": "calculation", "unit": "eV/atom"}
    stale = {
        "property_id": f"{structure}/energy_above_hull/MP2020",
        "kind": "energy_above_hull",
        "method": "MP2020",
        "value": 0.012,
        "stale": True,
        "snapshot": "mp: 12 entries, 50384aab924f",
        "competing": [{"id": "chgnet:aflow-prototypes:AB2_hP6_194_c_f", "formula": "MoS2", "amount": 1.0}],
        "details": {
            "calculation_id": "calc-1",
            "stale_because": "no reference energy for S",
            "completeness": {"known_compounds": 3, "with_energy": 2, "number_missing": 1, "missing": ["Mo2S3"]},
        },
        "low": 0.012,
        "warnings": ["1 of 3 known compounds has no energy"],
    }
    refused = {
        "property_id": f"{structure}/formation_energy/refused",
        "kind": "formation_energy",
        "method": "refused",
        "refused": "U(Fe) is 4.3 eV, the scheme takes 5.3 eV",
    }
    small_registry.put(own_registry, Property, [{**base, **stale}, {**base, **refused}])

    _, printed, _ = ask("show", f"two-dimensional/{structure}")

    told = " ".join(printed.split())
    assert "at least 0.012 eV/atom, a lower bound, stale MP2020, calculation stale: no reference energy for S" in told
    assert "1 of 3 known compounds has no energy energies of 2 of 3 known compounds" in told
    assert "against 100 % MoS2 from calc-1" in told
    assert "aflow-prototypes" not in told
    assert "from calc-1 entries: mp: 12 entries, 50384aab924f" in told
    assert "refused, calculation U(Fe) is 4.3 eV, the scheme takes 5.3 eV" in told
    kinds = [value["kind"] for value in ask_json("show", structure)["values"]]
    assert sorted(kinds) == ["energy_above_hull", "energy_above_hull", "exfoliation_energy", "formation_energy"]


def test_a_material_of_several_sources_shows_the_preferred_value_and_the_others(
    own_registry: Connection, ask: Ask
) -> None:
    proposed = {
        "material_id": "bulk:mos2",
        "preferred": {"band_gap": 1.29},
        "preferred_from": {"band_gap": {"source": "handbook", "method": "experiment", "material_id": "handbook:MoS2"}},
        "other_values": [
            {"property": "band_gap", "value": 1.23, "source": "bulk", "method": "PBE", "material_id": "bulk:mos2"}
        ],
    }
    writer = FacetWriter(Material, "preferred", "preferred", "f1", RUN)
    ready = [writer.prepare(proposed, [])]
    in_transaction(own_registry, lambda session: writer.write(own_registry.database, ready, session))

    _, printed, _ = ask("show", "bulk:mos2")

    told = " ".join(printed.split())
    assert "→ band_gap 1.290 eV handbook experiment handbook:MoS2 1.230 eV bulk PBE bulk:mos2" in told
