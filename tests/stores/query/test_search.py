"""Order, columns, limits; which documents are hidden; what is said of a database that holds nothing."""

import pytest
from exfolio.stores.connection import Connection
from exfolio.stores.query.columns import COLUMNS, all_columns, columns_of
from exfolio.stores.query.language import conditions
from exfolio.stores.query.language.fields import ALL_DOCUMENTS, fields_of, value_at
from exfolio.stores.query.language.query_errors import NotInitialised, QueryError, UnknownName
from exfolio.stores.query.search import Search


def keys(registry: Connection, **options: object) -> list[str]:
    return [doc["material_id"].removeprefix("bulk:") for doc in Search("materials", **options).documents(registry)]  # type: ignore[arg-type]


def test_missing_values_come_last_in_both_directions_and_keys_decide_between_equals(registry: Connection) -> None:
    assert keys(registry, sort=["band_gap"]) == ["mno2", "mos2", "tio2", "nacl", "limno2", "mno"]
    assert keys(registry, sort=["-band_gap"]) == ["nacl", "tio2", "mos2", "mno2", "limno2", "mno"]
    assert keys(registry, sort=["energy_above_hull"]) == ["mno", "mos2", "nacl", "mno2", "limno2", "tio2"]
    assert keys(registry, sort=["nsites", "-band_gap"]) == ["nacl", "mno", "tio2", "mos2", "mno2", "limno2"]
    assert keys(registry, sort=["space_group.number", "-id"]) == ["mos2", "tio2", "nacl", "mno2", "mno", "limno2"]


def test_pages_put_together_are_the_whole(registry: Connection) -> None:
    whole = keys(registry, sort=["band_gap"])  # the last two have no gap
    for size in (1, 2, 3, 5):
        pages = (keys(registry, sort=["band_gap"], limit=size, offset=offset) for offset in range(0, 8, size))
        assert [key for page in pages for key in page] == whole
    assert keys(registry, limit=0) == keys(registry), "no limit, as on the command line"
    assert Search("materials", limit=2).count(registry) == 6, "the limit does not change how many there are"


def test_deprecated_documents_are_hidden_unless_asked_for(registry: Connection) -> None:
    assert "old" not in keys(registry)
    assert "old" in keys(registry, deprecated=True)
    assert keys(registry, filter="deprecated = TRUE", deprecated=True) == ["old"]


def test_only_the_fields_asked_for_come(registry: Connection) -> None:
    asked = Search("materials", 'id = "bulk:mos2"', fields=["id", "space_group", "space_group_number", "band_gap"])
    [doc] = asked.documents(registry)

    assert doc.keys() == {"material_id", "space_group", "band_gap"}
    assert [column.label for column in asked.columns] == [
        "material_id",
        "space_group",
        "space_group.number",
        "band_gap (eV)",
    ]
    assert value_at(doc, "space_group.number") == 194
    [whole] = Search("materials", 'id = "bulk:mos2"').documents(registry)
    assert "facets" not in whole
    assert "_id" not in whole
    assert whole["structure"]["sites"]


def test_conditions_go_with_the_filter(registry: Connection) -> None:
    known = fields_of("materials")
    chosen = [conditions.has_elements(known, ["Mn"]), conditions.within(known, "energy_above_hull", "at most", 0.05)]

    assert keys(registry, conditions=chosen) == ["mno", "mno2"]
    assert keys(registry, conditions=chosen, filter="nsites > 2") == ["mno2"]
    assert keys(registry, conditions=[conditions.only_elements(known, ["Mn", "O", "S"])]) == ["mno", "mno2"]
    assert keys(registry, conditions=[conditions.of_formula(known, "O4Ti2")]) == ["tio2"]
    with pytest.raises(QueryError, match="never 'good'"):
        conditions.equal(fields_of("candidates"), "status", "good")


def test_wrong_names_are_answered_with_near_ones(registry: Connection) -> None:
    with pytest.raises(QueryError, match="no collection 'material'") as caught:
        Search("material")
    assert "Did you mean materials?" in caught.value.remedy
    with pytest.raises(UnknownName) as wrong:
        Search("materials", fields=["bandgap"])
    assert "Did you mean band_gap" in wrong.value.remedy
    with pytest.raises(QueryError, match="can't be put in order by elements"):
        Search("materials", sort=["elements"])
    with pytest.raises(QueryError, match="at least 0"):
        Search("materials", limit=-1)


def test_a_database_without_collections_is_named(connection: Connection) -> None:
    with pytest.raises(NotInitialised, match="holds no registry yet") as caught:
        list(Search("materials").documents(connection))
    assert "exfolio db init" in caught.value.remedy


@pytest.mark.parametrize("collection", ALL_DOCUMENTS)
def test_every_collection_describes_its_fields_and_has_columns(collection: str) -> None:
    known = fields_of(collection)

    assert all(field.description for field in known), [field.path for field in known if not field.description]
    assert set(COLUMNS) == set(ALL_DOCUMENTS)
    assert all(known.find(name) for name in (*columns_of(collection), *all_columns(collection)))
    assert known.get("id").path == known.key
    assert known.get(f"_exfolio_{known.key}") is known.by_path[known.key]


def test_many_documents_are_put_in_order_beyond_the_memory_of_a_sort(registry: Connection) -> None:
    """The server sorts at most 100 MB in memory; more goes to its disk."""
    collection = registry.database["source_files"]
    filler = "x" * 100_000
    docs = [{"file_id": f"f{i:04}", "stage": "s", "path": filler, "size": -i} for i in range(1200)]
    collection.insert_many(docs)
    try:
        in_order = [doc["file_id"] for doc in Search("source_files", sort=["size"]).documents(registry)]
    finally:
        collection.delete_many({"stage": "s"})
    assert in_order == [f"f{i:04}" for i in reversed(range(1200))]
