"""Finding a document by its id, and what lies around it."""

import pytest
from emmet.core.mpid import AlphaID
from exfolio.stores.connection import Connection
from exfolio.stores.query.language.fields import fields_of
from exfolio.stores.query.language.filter import compile_filter
from exfolio.stores.query.language.query_errors import NoSuchDocument
from exfolio.stores.query.language.spelling import notations
from exfolio.stores.query.lookup import find_document
from exfolio.stores.query.provenance import documents_referring_to, failures_of, origins_of, quarantine_of
from small_registry import FILE, RUN


@pytest.mark.parametrize(
    ("name", "collection", "key"),
    [
        ("bulk:mos2", "materials", "bulk:mos2"),
        ("bulk:mo", "materials", "bulk:mos2"),
        ("st-1890", "structures", "st-1890e1f5735df206"),
        ("two-dimensional/st-77", "candidates", "two-dimensional/st-77aa00000000beef"),
        ("st-1890e1f5735df206/ex", "properties", "st-1890e1f5735df206/exfoliation_energy/PBE"),
        ("MoSe2", "compositions", "MoSe2"),
        (RUN, "runs", RUN),
        ("top-down/bulk:nacl", "failures", "top-down/bulk:nacl"),
    ],
)
def test_an_id_or_its_beginning_finds_the_document(registry: Connection, name: str, collection: str, key: str) -> None:
    stored = find_document(registry, name)

    assert (stored.collection, stored.key) == (collection, key)


def test_ids_of_the_materials_project_are_numbers_or_the_same_in_letters() -> None:
    assert notations("mp-lxf") == ["mp-lxf", "mp-8039", "mp-aaaaalxf"]
    assert notations("mvc-26") == ["mvc-26", "mvc-ba", "mvc-aaaaaaba"]
    assert notations("mp:mp-lxf") == ["mp:mp-lxf", "mp:mp-8039", "mp:mp-aaaaalxf"]
    assert notations("MP-8039") == ["MP-8039", "mp-8039", "mp-lxf", "mp-aaaaalxf"]
    assert notations("MP:mp-LXF") == ["MP:mp-LXF", "MP:mp-8039", "MP:mp-lxf", "MP:mp-aaaaalxf"]
    assert notations("2dm-3594") == ["2dm-3594"]
    for asked in ('source_id = "mp-lxf"', 'NOT source_id != "mp-8039"'):
        query = compile_filter(asked, fields_of("materials"))
        assert set(query["source_id"]["$in"]) == {"mp-lxf", "mp-8039", "mp-aaaaalxf"}
    for number in (0, 25, 149, 8039, 3347529, 10**9):
        assert str(AlphaID(number, prefix="mp", separator="-")) in notations(f"mp-{number}")


def test_several_none_and_nonsense_are_told_apart(registry: Connection) -> None:
    with pytest.raises(NoSuchDocument, match="several ids begin with 'bulk:m'") as several:
        find_document(registry, "bulk:m")
    assert "bulk:mno2  (materials)" in several.value.message
    with pytest.raises(NoSuchDocument, match="there is no document 'bulk:mos3'") as none:
        find_document(registry, "bulk:mos3")
    assert none.value.remedy == "Near it: bulk:mos2"
    for nonsense in ("", "a\nb", "x" * 2000, ".*"):
        with pytest.raises(NoSuchDocument):
            find_document(registry, nonsense)


def test_origins_lead_from_the_candidate_back_to_the_line_of_the_file(registry: Connection) -> None:
    root = origins_of(registry, find_document(registry, "two-dimensional/st-1890e1f5735df206"))

    structure = root.origins[0]
    [material] = structure.origins
    [file] = material.origins
    assert (structure.collection, structure.key) == ("structures", "st-1890e1f5735df206")
    assert structure.stage == "judge:two-dimensional"
    assert (material.collection, material.key, material.title) == ("materials", "bulk:mos2", "MoS2")
    assert (file.collection, file.key, file.place) == ("file", FILE, "line 1")
    assert {origin.collection for origin in root.origins[1:]} == {"properties"}
    assert root.as_dict()["origins"][0]["origins"][0]["origins"] == [
        {"collection": "file", "id": FILE, "place": "line 1", "stage": "ingest:bulk"}
    ]


def test_an_origin_that_changed_or_went_is_marked(registry: Connection) -> None:
    stored = find_document(registry, "st-1890e1f5735df206", collection="structures")
    stored.document["origins"] = [
        {"collection": "materials", "id": "bulk:mos2", "hash": "another"},
        {"collection": "materials", "id": "bulk:never"},
        {"collection": "materials", "id": "bulk:old"},
        *({"collection": "materials", "id": f"bulk:{i}"} for i in range(30)),
    ]
    root = origins_of(registry, stored)

    assert [origin.state for origin in root.origins[:3]] == ["changed since", "no longer stored", "deprecated"]
    assert root.hidden == 13


@pytest.mark.parametrize(
    ("generator", "state"), [("matgan-1", "no longer stored"), ("shipped-matgan-1", "comes with the package")]
)
def test_where_no_origins_are_kept_the_generator_tells_them(registry: Connection, generator: str, state: str) -> None:
    stored = find_document(registry, "MoSe2", collection="compositions")
    del stored.document["origins"]
    stored.document["generator"] = generator

    [model] = origins_of(registry, stored).origins

    assert (model.collection, model.key, model.state) == ("trained_models", generator, state)


def test_origins_that_lead_in_a_circle_end(registry: Connection) -> None:
    stored = find_document(registry, "bulk:mos2")
    stored.document["origins"] = [{"collection": "structures", "id": "st-1890e1f5735df206"}]
    root = origins_of(registry, stored)

    assert root.origins[0].origins[0].key == "bulk:mos2"
    assert root.origins[0].origins[0].origins == []


def test_what_refers_to_a_document_and_what_went_wrong_with_it(registry: Connection) -> None:
    structure = find_document(registry, "st-1890e1f5735df206", collection="structures")
    material = find_document(registry, "bulk:mos2")

    referring = documents_referring_to(registry, structure)
    assert {name: len(docs) for name, docs in referring.items()} == {"properties": 2, "candidates": 1}
    assert [doc["structure_id"] for doc in documents_referring_to(registry, material)["structures"]] == [structure.key]
    assert [failure["last_error"] for failure in failures_of(registry, material)] == ["told to fail"]
    assert quarantine_of(registry, material) == []
    material.document["origins"] = [{"collection": "file", "id": FILE, "place": "line 7"}]
    assert [bad["reason"] for bad in quarantine_of(registry, material)] == ["it has no sites"]
