"""OPTIMADE providers: the reference server with its own data, and one that does not keep to the specification."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.refresh import known_sources
from exfolio.builders.sources.live.service_stage import LiveSourceStage
from exfolio.builders.sources.optimade.optimade import Optimade
from exfolio.builders.sources.records.raw_record import BadRecord, RawRecord
from exfolio.builders.sources.records.source_options import SourceOptionError
from exfolio.builders.sources.retirement import SourceShrank
from exfolio.builders.sources.services.http_client import SourceDenied, SourceUnavailable
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from exfolio.stores.errors import ConfigurationError
from exfolio.stores.server import embedded
from loopback import Fault
from materials_project_server import rock_salt
from odd_optimade_server import Misbehaving
from optimade_server import as_resource, at, reference_server, reference_structures
from pymongo import MongoClient
from pymongo.collection import Collection

FIELDS = {"energy_above_hull": "_exmpl_hull:meV/atom", "band_gap": "_exmpl_gap:eV"}
OXIDES = 'elements HAS ALL "Mn","O" AND nelements=2'


@dataclass
class Provider:
    """The reference server and the collection it serves."""

    url: str
    structures: Collection[dict[str, Any]]


@pytest.fixture(scope="module")
def _provider(mongo_server: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    database = f"optimade_{uuid.uuid4().hex[:8]}"
    uri = mongo_server.uri().get_secret_value()
    with MongoClient(uri) as client:
        collection = client[database]["structures"]
        collection.insert_one({})
        with reference_server(uri, database, Path(tmp_path_factory.mktemp("optimade"))) as url:
            yield Provider(url, collection)
        client.drop_database(database)


@pytest.fixture
def provider(_provider: Provider) -> Provider:
    """The reference server with its own 17 structures and 40 of MnO, each a little larger than the one before."""
    _provider.structures.delete_many({})
    _provider.structures.insert_many(reference_structures())
    _provider.structures.insert_many(
        [as_resource(f"mno-{n}", rock_salt("Mn", 4.4 + 0.005 * n), at(n), hull=10.0 * n, gap=0.5) for n in range(40)]
    )
    return _provider


@pytest.fixture
def registry(registry: Connection) -> Connection:
    """The empty registry, with waits that suit tests."""
    own = replace(registry)
    change(own, web_first_wait_seconds=0.01)
    return own


def change(registry: Connection, **settings: object) -> None:
    object.__setattr__(registry, "settings", registry.settings.model_copy(update=settings))


def pull(registry: Connection, url: str, *, accept_loss: bool = False, **options: Any) -> tuple[StageReport, int]:
    options = {"url": url, "source": "ref", "filter": OXIDES, "fields": FIELDS, "page_limit": 10} | options
    stage = LiveSourceStage("optimade", options, accept_loss=accept_loss)
    return run_stage(stage, registry, batch_size=7), stage.requests


def material(registry: Connection, name: str) -> dict[str, Any]:
    return registry.database["materials"].find_one({"material_id": f"ref:{name}"})


def test_a_filter_is_pulled_page_by_page_with_the_providers_values_in_our_units(provider, registry) -> None:
    report, requests = pull(registry, provider.url, method="PBE", keep=["_exmpl_note"])

    assert (report.inserted, report.quarantined, requests) == (40, 0, 6)  # licence, units, and 4 pages of 10
    found = material(registry, "mno-12")
    assert found["energy_above_hull"] == pytest.approx(0.12)
    assert (found["band_gap"], found["formula_reduced"], found["nsites"]) == (0.5, "MnO", 2)
    assert found["methods"] == {"energy_above_hull": "PBE", "band_gap": "PBE"}
    assert found["volume"] == pytest.approx(4.46**3 / 4)
    assert found["source_version"] == "2024-05-01T12:00:12.000000Z"


def test_the_servers_own_data_are_read_and_what_is_no_crystal_is_refused(provider, registry) -> None:
    report, _ = pull(registry, provider.url, filter="", fields={})

    assert (report.inserted, report.quarantined) == (41, 16)  # of its 17 structures one has no atoms that overlap
    assert material(registry, "mpf_200")["formula_reduced"] == "Ag"
    reasons = registry.database["quarantine"].distinct("reason")
    assert all(any(word in reason for word in ("overlap", "cell lengths", "g/cm^3")) for reason in reasons)


def test_a_second_pull_asks_one_question_and_writes_nothing(provider, registry) -> None:
    pull(registry, provider.url)

    report, requests = pull(registry, provider.url)

    assert (report.due, report.written, requests) == (0, 0, 1)


def test_only_what_was_modified_is_written_and_the_earlier_value_is_kept(provider, registry) -> None:
    pull(registry, provider.url)
    for n in range(10):
        provider.structures.update_one({"task_id": f"mno-{n}"}, {"$set": {"gap": 0.8, "last_modified": at(100 + n)}})

    report, requests = pull(registry, provider.url)

    assert (report.due, report.updated, requests) == (10, 10, 2)  # the newest of before comes along
    found = material(registry, "mno-3")
    assert found["band_gap"] == 0.8
    assert found["history"][0]["values"] == {"band_gap": 0.5}
    assert found["history"][0]["source_version"] == "2024-05-01T12:00:03.000000Z"


def test_a_new_list_shows_what_is_gone_and_what_no_stamp_told_of(provider, registry) -> None:
    pull(registry, provider.url)
    provider.structures.delete_one({"task_id": "mno-7"})
    provider.structures.insert_one(as_resource("late", rock_salt("Mn", 5.0), at(0), gap=0.1))  # with an old stamp

    not_yet, _ = pull(registry, provider.url)
    listed, _ = pull(registry, provider.url, list_days=0)

    assert (not_yet.inserted, not_yet.deprecated) == (0, 0)
    assert (listed.inserted, listed.deprecated) == (1, 1)
    assert material(registry, "mno-7")["deprecated"]
    provider.structures.insert_one(as_resource("mno-7", rock_salt("Mn", 4.435), at(7), hull=70.0, gap=0.5))
    pull(registry, provider.url, list_days=0)
    assert not material(registry, "mno-7")["deprecated"]


def test_a_list_that_lost_too_much_retires_nothing(provider, registry) -> None:
    pull(registry, provider.url)
    provider.structures.delete_many({})

    with pytest.raises(SourceShrank, match="40 of its 40"):
        pull(registry, provider.url, list_days=0)

    assert registry.database["materials"].count_documents({"deprecated": True}) == 0
    report, _ = pull(registry, provider.url, list_days=0, accept_loss=True)
    assert report.deprecated == 40


def test_several_providers_stand_side_by_side(provider, registry) -> None:
    pull(registry, provider.url)
    pull(registry, provider.url + "/v1/", source="other", filter='elements HAS "Ag"', fields={})

    assert [stage.live.source for stage in known_sources(registry)] == ["other", "ref"]
    assert registry.database["materials"].distinct("source") == ["other", "ref"]


def test_a_property_that_is_not_there_or_in_another_unit_is_said(provider, registry) -> None:
    with pytest.raises(ConfigurationError) as missing:
        pull(registry, provider.url, fields={"band_gap": "_exmpl_bandgap:eV"})
    with pytest.raises(ConfigurationError, match="'meV/atom' by the provider, and 'eV/atom' was given"):
        pull(registry, provider.url, fields={"energy_above_hull": "_exmpl_hull:eV/atom"})

    assert "_exmpl_gap" in missing.value.remedy


def test_a_filter_that_is_not_understood_is_said(provider, registry) -> None:
    with pytest.raises(SourceUnavailable, match="400"):
        pull(registry, provider.url, filter="elements HAVE O")


# A server that does not keep to the specification


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
