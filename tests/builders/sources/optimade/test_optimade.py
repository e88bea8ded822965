"""An OPTIMADE provider that does not keep to the specification, and options that can't be meant."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from exfolio.builders.sources.live.service_stage import LiveSourceStage
from exfolio.builders.sources.optimade.optimade import Optimade
from exfolio.builders.sources.records.raw_record import BadRecord, RawRecord
from exfolio.builders.sources.records.source_options import SourceOptionError
from exfolio.builders.sources.services.http_client import SourceDenied, SourceUnavailable
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from loopback import Fault
from odd_optimade_server import Misbehaving
from optimade_pulls import change, material, pull
from optimade_server import at


@pytest.fixture
def registry(registry: Connection) -> Connection:
    """The empty registry, with waits that suit tests."""
    own = replace(registry)
    change(own, web_first_wait_seconds=0.01)
    return own


@pytest.fixture
def odd() -> Iterator[Misbehaving]:
    with Misbehaving() as server:
        yield server


def ask(registry: Connection, odd: Misbehaving, **options: Any) -> StageReport:
    return pull(registry, odd.url, filter="", fields={"band_gap": "_exmpl_gap:eV"}, **options)[0]


def page(odd: Misbehaving, **links: Any) -> bytes:
    return json.dumps({"data": odd.data[:5], "links": links, "meta": {"more_data_available": True}}).encode()


def test_a_pull_that_is_cut_goes_on_at_the_page_where_it_stood(odd, registry) -> None:
    change(registry, web_attempts=1)
    odd.faults.append(Fault("/v1/structures", status=500, after=2))

    with pytest.raises(SourceUnavailable, match="500"):
        ask(registry, odd)
    assert registry.database["materials"].count_documents({}) == 10
    odd.asked.clear()
    report = ask(registry, odd)

    assert (report.due, report.inserted) == (10, 10)
    assert [query["page_offset"] for _, query in odd.asked] == ["10", "15"]


def test_a_page_that_is_gone_when_the_pull_goes_on_begins_it_anew(odd, registry) -> None:
    change(registry, web_attempts=1)
    odd.faults.append(Fault("/v1/structures", status=500, after=2))
    with pytest.raises(SourceUnavailable, match="500"):
        ask(registry, odd)
    odd.faults.append(Fault("/v1/structures", status=404))

    report = ask(registry, odd)

    assert (report.inserted, report.note) == (10, "")


def test_pages_in_a_circle_come_to_an_end(odd, registry) -> None:
    circle = f"{odd.url}/v1/structures?page_offset=0"
    odd.faults += [Fault(after=2, body=page(odd, next=circle)), Fault(body=page(odd, next=circle), after=0)]

    with pytest.raises(SourceUnavailable, match=r"again and again|lead back"):
        ask(registry, odd)


def test_the_same_page_under_new_names_comes_to_an_end(odd, registry) -> None:
    for n in range(3):
        odd.faults.append(Fault(body=page(odd, next={"href": f"{odd.url}/v1/structures?token={n}"})))

    with pytest.raises(SourceUnavailable, match="again and again"):
        ask(registry, odd)


def test_another_server_is_not_followed(odd, registry) -> None:
    with Misbehaving() as elsewhere:
        odd.faults.append(Fault("/v1/structures", body=page(odd, next=f"{elsewhere.url}/v1/structures")))
        with pytest.raises(SourceUnavailable, match="another server"):
            ask(registry, odd)
        odd.faults.append(Fault("/v1/structures", status=302, headers={"Location": f"{elsewhere.url}/v1/structures"}))
        with pytest.raises(SourceUnavailable, match="has moved"):
            ask(registry, odd)
        assert elsewhere.asked == []


@pytest.mark.parametrize(
    "body",
    [b"[]", b"null", b"{", b'{"data": {"id": "x"}}', b'{"data": "all of it"}', b"\xff\xfe", b"[" * 200_000],
)
def test_what_is_no_list_of_structures_is_said(odd, registry, body) -> None:
    change(registry, web_attempts=2)
    odd.faults += [Fault("/v1/structures", body=body), Fault("/v1/structures", body=body)]

    with pytest.raises(SourceUnavailable):
        ask(registry, odd)

    assert registry.database["materials"].count_documents({}) == 0


def test_a_page_without_end_is_not_read_to_its_end(odd, registry) -> None:
    stage = LiveSourceStage("optimade", {"url": odd.url, "source": "ref"})
    opened = stage.live.open(registry.settings)
    opened.client.max_bytes = 1000

    with pytest.raises(SourceUnavailable, match="more than 1,000 bytes"):
        list(opened.pages({}, None, {}))


def test_failures_that_pass_are_waited_for(odd, registry) -> None:
    odd.faults += [
        Fault("/v1/structures", status=503),
        Fault("/v1/structures", cut=True, after=1),
        Fault("/v1/structures", body=b"<html>", after=2),
    ]

    assert ask(registry, odd).inserted == 20


def test_records_that_lack_what_they_need_go_to_quarantine_one_by_one(odd, registry) -> None:
    odd.data[3]["attributes"] = None
    odd.data[4]["attributes"]["species"] = [{"name": "Mn"}]
    odd.data[5]["attributes"]["lattice_vectors"] = [[1, 0], [0, 1]]
    odd.data[6]["attributes"]["_exmpl_gap"] = "large"
    odd.data[7]["attributes"]["species_at_sites"] = ["Mn"]
    odd.data[8]["attributes"]["chemical_formula_reduced"] = "MnO2"
    del odd.data[9]["id"]
    odd.data[10] = "nothing"

    report = ask(registry, odd)

    assert (report.inserted, report.quarantined, report.failed) == (12, 8, 0)
    assert "without an id" in report.note or "changed while" in report.note


def test_a_list_that_does_not_add_up_retires_nothing(odd, registry) -> None:
    ask(registry, odd)
    del odd.data[0]
    odd.count = 18

    report = ask(registry, odd, list_days=0)

    assert report.deprecated == 0
    assert "changed while it was read" in report.note
    odd.count = None
    assert ask(registry, odd, list_days=0).deprecated == 1


def test_a_provider_without_stamps_is_asked_for_everything_and_only_changes_are_written(odd, registry) -> None:
    for one in odd.data:
        one["attributes"]["last_modified"] = None
    ask(registry, odd)
    odd.data[2]["attributes"]["_exmpl_gap"] = 0.7
    del odd.data[19]
    odd.count = 19

    report = ask(registry, odd)

    assert (report.due, report.updated, report.unchanged, report.deprecated) == (19, 1, 18, 1)


def test_a_provider_that_cant_filter_by_time_is_asked_for_everything(odd, registry) -> None:
    ask(registry, odd)
    odd.data[2]["attributes"] |= {"_exmpl_gap": 0.7, "last_modified": at(500).isoformat()}
    odd.faults.append(Fault("/v1/structures", status=501))

    report = ask(registry, odd)

    assert (report.due, report.updated) == (1, 1)


def test_a_provider_that_is_closed_is_said(odd, registry) -> None:
    odd.faults.append(Fault("/v1/structures", status=401, body=b'{"errors": [{"detail": "members only"}]}'))

    with pytest.raises(SourceDenied, match="members only"):
        ask(registry, odd)


# What a resource means


def parsed(odd: Misbehaving, **changes: Any) -> dict[str, Any]:
    source = Optimade(url="https://example.org", fields={"energy_above_hull": "_x_stability.gga.hull:eV/atom"})
    record = RawRecord("m0", 0, odd.data[0]["attributes"] | changes)
    return source.parse(record)["materials"][0]


def test_a_value_inside_an_object_is_found(odd) -> None:
    assert parsed(odd, _x_stability={"gga": {"hull": 0.02}})["energy_above_hull"] == 0.02
    assert "energy_above_hull" not in parsed(odd, _x_stability={"gga": None})


def test_mixed_sites_and_vacancies_become_a_disordered_crystal(odd) -> None:
    species = [
        {"name": "Mn", "chemical_symbols": ["Mn", "Fe"], "concentration": [0.75, 0.25]},
        {"name": "O", "chemical_symbols": ["O", "vacancy"], "concentration": [0.9, 0.1]},
    ]

    found = parsed(odd, species=species, chemical_formula_reduced="Fe5Mn15O18")

    assert found["disordered"]
    assert found["formula"] == "Fe0.25Mn0.75O0.9"


def test_species_that_are_not_described_are_elements(odd) -> None:
    assert parsed(odd, species=None)["formula_reduced"] == "MnO"


def test_an_id_may_be_a_number(odd, registry) -> None:
    odd.data[0]["id"] = 4066011

    ask(registry, odd)

    assert material(registry, "4066011")["formula_reduced"] == "MnO"


def test_a_sheet_is_known_by_its_periodic_directions(odd) -> None:
    found = parsed(
        odd, nperiodic_dimensions=2, dimension_types=[1, 1, 0], lattice_vectors=[[3, 0, 0], [0, 3, 0], [None] * 3]
    )

    assert found["dimension_claimed"] == 2
    assert found["formula_reduced"] == "MnO"
    assert found["extra"]["dimension_types"] == [1, 1, 0]
    assert found["structure"]["lattice"]["pbc"] == [True, True, True]  # in its vacuum it is a crystal to every program
    assert found["structure"]["lattice"]["matrix"][2][2] == pytest.approx(20 + 4.4 / 2), "in vacuum"


def test_a_structure_with_unknown_positions_is_known_by_its_formula(odd) -> None:
    found = parsed(odd, structure_features=["unknown_positions"])

    assert (found["formula_reduced"], "structure" in found) == ("MnO", False)


def test_a_resource_without_structure_and_formula_is_bad(odd) -> None:
    with pytest.raises(BadRecord, match="neither"):
        parsed(odd, lattice_vectors=None, chemical_formula_reduced=None)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"url": ""}, "needs its address"),
        ({"url": "example.org"}, "no base address"),
        ({"url": "https://me:secret@example.org"}, "no base address"),
        ({"url": "https://example.org", "fields": {"band_gap": "_x_gap"}}, "states no unit"),
        ({"url": "https://example.org", "fields": {"band_gap": "_x_gap:K"}}, "not understood"),
        ({"url": "https://example.org", "fields": {"formation_energy": "_x_e:kJ/mol"}}, "which formula"),
        ({"url": "https://example.org", "fields": {"colour": "_x_colour:nm"}}, "can't be 'colour'"),
        ({"url": "https://example.org", "source": "a b"}, "can't be called"),
        ({"url": "https://example.org", "dimension": 5}, "dimension"),
    ],
)
def test_options_that_cant_be_meant_are_refused(options, complaint) -> None:
    with pytest.raises(SourceOptionError, match=complaint):
        Optimade(**options)


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("https://example.org/optimade", "https://example.org/optimade/v1"),
        ("https://example.org/optimade/v1/", "https://example.org/optimade/v1"),
        ("https://example.org/v1.2/structures", "https://example.org/v1.2"),
    ],
)
def test_the_base_address_is_found(given, base) -> None:
    assert Optimade(url=given).url == base
