"""Collections of a database that an earlier version made, brought up to date."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from exfolio.stores import schema
from exfolio.stores.bookkeeping.revisions import last_changes
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Candidate, Material, Property
from exfolio.stores.errors import ConfigurationError
from exfolio.stores.python_api import query
from exfolio.stores.query.provenance import writers_of
from exfolio.stores.registry_version import CURRENT
from exfolio.stores.schema import initialise, is_initialised, is_up_to_date, look
from small_registry import put


def test_bounds_of_an_earlier_version_become_ends_of_intervals(connection: Connection) -> None:
    # Given values as they were written when bounds had a side: at least 0.05, at most 0.4, and 0.1
    initialise(connection)
    for name, value in (("more", 0.05), ("less", 0.4), ("plain", 0.1)):
        key = {"property_id": name, "structure_id": name, "kind": "energy_above_hull", "method": "PBE"}
        put(connection, Property, [{**key, "unit": "eV/atom", "value": value}])
        judged = {"candidate_id": f"hull/{name}", "campaign": "hull", "structure_id": name, "status": "waiting"}
        gates = [{"name": "hull", "verdict": "unknown", "value": value}, {"name": "gap", "verdict": "not-applicable"}]
        put(connection, Candidate, [{**judged, "energy_above_hull": value, "gates": gates}])
    for name, side in (("more", "lower"), ("less", "upper")):
        of_name = {"structure_id": name}
        connection.database["properties"].update_one(of_name, {"$set": {"bound": side}})
        connection.database["candidates"].update_one(of_name, {"$set": {"bounds": {"energy_above_hull": side}}})

    # When the collections are brought up to date, twice
    _made_by_other_code(connection)
    initialise(connection)
    initialise(connection)

    # Then the same is said by the ends
    properties = {doc["structure_id"]: doc for doc in query("properties", connection=connection)}
    ends = {name: (doc.get("low"), doc.get("high")) for name, doc in properties.items()}
    assert ends == {"more": (0.05, None), "less": (None, 0.4), "plain": (None, None)}
    candidates = {doc["structure_id"]: doc for doc in query("candidates", connection=connection)}
    assert candidates["more"]["lows"] == candidates["less"]["highs"] | {"energy_above_hull": 0.05}
    assert not candidates["more"]["highs"]
    assert candidates["more"]["gate_verdicts"] == "in"
    assert "lows" not in candidates["plain"]
    assert not any("bound" in doc or "bounds" in doc for doc in (*properties.values(), *candidates.values()))


def _made_by_other_code(connection: Connection) -> None:
    connection.database["counters"].update_one({"_id": "schema"}, {"$set": {"version": 2, "layout": "another"}})


def test_materials_without_revisions_of_parts_get_those_of_the_whole(connection: Connection) -> None:
    # Given two materials as they were written when their record had one revision for all of it
    initialise(connection)
    put(connection, Material, [{"material_id": f"m{i}", "source": "s", "source_id": f"{i}"} for i in range(2)])
    connection.database["materials"].update_many({}, {"$unset": {"facets.structure": ""}})
    connection.database["counters"].update_one({"_id": "materials"}, {"$unset": {"facets.structure": ""}})
    _made_by_other_code(connection)

    # When the collections are brought up to date
    initialise(connection)

    # Then the structure has changed when the record did, and that is what the counter says
    found = connection.database["materials"].find({}, {"facets": 1}).sort("material_id", 1)
    assert [doc["facets"]["structure"] for doc in found] == [{"rev": 1}, {"rev": 2}]
    assert last_changes(connection.database)["materials:structure"] == 2


def test_indexes_that_others_stand_in_for_go_and_those_of_other_people_stay(connection: Connection) -> None:
    initialise(connection)
    materials = connection.database["materials"]
    materials.create_index("chemsys", name="chemsys_1")
    materials.create_index("density", name="density_1")

    initialise(connection)

    assert "chemsys_1" not in materials.index_information()
    assert "density_1" in materials.index_information()


def test_collections_and_indexes_lie_compressed_and_those_made_otherwise_are_made_anew(connection: Connection) -> None:
    # Given a registry whose indexes were made as they are by default
    initialise(connection)
    materials = connection.database["materials"]
    materials.drop_indexes()
    materials.create_index("facets.layers.rev")
    materials.create_index("material_id", unique=True)

    # When it is brought up to date
    initialise(connection)

    # Then the index and its collection are compressed, and documents without that facet are not in it
    assert materials.index_information()["material_id_1"]["unique"]
    index = materials.index_information()["facets.layers.rev_1"]
    assert index["sparse"]
    described = [index["storageEngine"]["wiredTiger"]["configString"], _creation(materials)]
    assert all("block_compressor=zstd" in text for text in described)


def _creation(collection: Any) -> str:
    stats = collection.aggregate([{"$collStats": {"storageStats": {}}}]).next()
    return str(stats["storageStats"]["wiredTiger"]["creationString"])


def test_notes_of_an_earlier_version_say_the_same_in_short_and_make_nothing_due(connection: Connection) -> None:
    # Given a material as it was written when notes of facets had names instead of numbers
    initialise(connection)
    put(connection, Material, [{"material_id": "m", "formula_reduced": "MgO", "source": "s", "source_id": "1"}])
    materials = connection.database["materials"]
    [doc] = materials.find()
    made, ranked = doc["created_at"], doc["created_at"] + timedelta(hours=1)
    by = {"fingerprint": "f1", "run_id": "r1"}
    notes = {
        "record": {**by, "rev": 1, "hash": "00000000000000ff" + 16 * "a", "stage": "ingest:s", "at": made},
        "preferred": {**by, "rev": 2, "hash": 32 * "f", "stage": "preferred", "at": ranked, "group": "MgO"},
    }
    origin = {"collection": "file", "id": "/f", "place": "row 1"}
    earlier = {"schema_version": 1, "facets": notes, "origins": [{**origin, "stage": "ingest:s", "version": 2}]}
    materials.update_one({}, {"$set": earlier})

    # When the collections are brought up to date, twice
    _made_by_other_code(connection)
    initialise(connection)
    initialise(connection)

    # Then all but the form of the notes is as it was, and who wrote them is known
    [short] = materials.find()
    ours = {"schema_version", "facets", "origins"}
    assert {k: v for k, v in short.items() if k not in ours} == {k: v for k, v in doc.items() if k not in ours}
    assert (short["schema_version"], short["origins"]) == (2, [origin])
    assert short["facets"]["record"] | {"by": 0} == {"rev": 1, "hash": 255, "stage": "ingest:s", "by": 0}
    assert short["facets"]["preferred"] | {"by": 0} == {"rev": 2, "hash": -1, "at": ranked, "group": "MgO", "by": 0}
    said = {
        name: (note["stage"], note["fingerprint"], note["run_id"], note["at"])
        for name, note in writers_of(connection, short).items()
    }
    assert said == {"record": ("ingest:s", "f1", "r1", made), "preferred": ("preferred", "f1", "r1", ranked)}


def test_a_program_refuses_a_registry_that_a_newer_one_has_brought_up_to_date(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    initialise(connection)
    stamp = {"_id": "schema"}

    # One of the same version with another layout takes turns with this one
    with monkeypatch.context() as another:
        another.setattr(schema, "layout", lambda: "another")
        initialise(connection)
    assert not is_up_to_date(connection)
    initialise(connection)
    assert is_up_to_date(connection)

    # A newer one takes the place of this one, which then leaves it alone
    with monkeypatch.context() as newer:
        newer.setattr(schema, "layout", lambda: "another")
        newer.setattr(schema, "__version__", "999.0")
        initialise(connection)
        assert is_up_to_date(connection)
    for write in (initialise, is_up_to_date):
        with pytest.raises(ConfigurationError, match="newer exfolio"):
            write(connection)
    assert is_initialised(connection), "reading it does no harm"

    # One of a newer version is not even read
    connection.database["counters"].update_one(stamp, {"$set": {"version": CURRENT + 1}})
    with pytest.raises(ConfigurationError, match=f"version {CURRENT + 1}, this exfolio knows {CURRENT}"):
        is_initialised(connection)


@pytest.mark.endurance
def test_many_first_programs_at_once_all_get_their_registry(connection: Connection) -> None:
    with ThreadPoolExecutor(12) as many:
        made = [many.submit(initialise, connection) for _ in range(12)]
    assert len({str(each.result()["collections"]) for each in made}) == 1
    assert is_up_to_date(connection)
    done = look(connection)
    assert (done.steps, done.created, done.made, done.validators) == 4 * ((),)
