"""Collections of a database that an earlier version made, brought up to date."""

from exfolio.stores.connection import Connection
from exfolio.stores.documents import Candidate, Property
from exfolio.stores.python_api import query
from exfolio.stores.schema import initialise
from small_registry import put


def test_bounds_of_an_earlier_version_become_ends_of_intervals(connection: Connection) -> None:
    # Given values as they were written when bounds had a side: at least 0.05, at most 0.4, and 0.1
    initialise(connection)
    for name, value in (("more", 0.05), ("less", 0.4), ("plain", 0.1)):
        key = {"property_id": name, "structure_id": name, "kind": "energy_above_hull", "method": "PBE"}
        put(connection, Property, [{**key, "unit": "eV/atom", "value": value}])
        judged = {"candidate_id": f"hull/{name}", "campaign": "hull", "structure_id": name, "status": "waiting"}
        put(connection, Candidate, [{**judged, "energy_above_hull": value}])
    for name, side in (("more", "lower"), ("less", "upper")):
        of_name = {"structure_id": name}
        connection.database["properties"].update_one(of_name, {"$set": {"bound": side}})
        connection.database["candidates"].update_one(of_name, {"$set": {"bounds": {"energy_above_hull": side}}})

    # When the collections are brought up to date, twice
    initialise(connection)
    initialise(connection)

    # Then the same is said by the ends
    properties = {doc["structure_id"]: doc for doc in query("properties", connection=connection)}
    ends = {name: (doc.get("low"), doc.get("high")) for name, doc in properties.items()}
    assert ends == {"more": (0.05, None), "less": (None, 0.4), "plain": (None, None)}
    candidates = {doc["structure_id"]: doc for doc in query("candidates", connection=connection)}
    assert candidates["more"]["lows"] == candidates["less"]["highs"] | {"energy_above_hull": 0.05}
    assert not candidates["more"]["highs"]
    assert "lows" not in candidates["plain"]
    assert not any("bound" in doc or "bounds" in doc for doc in (*properties.values(), *candidates.values()))


def test_indexes_that_others_stand_in_for_go_and_those_of_other_people_stay(connection: Connection) -> None:
    initialise(connection)
    materials = connection.database["materials"]
    materials.create_index("chemsys", name="chemsys_1")
    materials.create_index("density", name="density_1")

    initialise(connection)

    assert "chemsys_1" not in materials.index_information()
    assert "density_1" in materials.index_information()
