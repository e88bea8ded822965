"""Parts of a facet: a value that changes leaves the revision of the structure alone."""

from typing import Any

from exfolio.stores.bookkeeping.revisions import last_changes
from exfolio.stores.connection import Connection
from small_registry import material, mos2_bulk, plain
from toy_stages import put_materials, retire_materials


def test_only_what_touches_the_structure_moves_its_revision(empty_registry: Connection) -> None:
    # Given a crystal with a band gap
    crystal = {**material("test:mos2", "MoS2", "Mo-S"), "structure": plain(mos2_bulk())}
    put_materials(empty_registry, [{**crystal, "band_gap": 1.2}])
    assert _revisions(empty_registry) == {"record": 1, "structure": 1}

    # When its gap is corrected, then the structure has not changed, for whoever reads it
    put_materials(empty_registry, [{**crystal, "band_gap": 1.3}])
    assert _revisions(empty_registry) == {"record": 2, "structure": 1}
    assert last_changes(empty_registry.database)["materials:structure"] == 1

    # When its cell grows, then it has, and so it has when the material goes and when it comes back
    grown = mos2_bulk()
    grown.scale_lattice(1.01 * grown.volume)
    put_materials(empty_registry, [{**crystal, "structure": plain(grown), "band_gap": 1.3}])
    assert _revisions(empty_registry) == {"record": 3, "structure": 3}
    retire_materials(empty_registry, ["test:mos2"])
    assert _revisions(empty_registry) == {"record": 4, "structure": 4}
    put_materials(empty_registry, [{**crystal, "structure": plain(grown), "band_gap": 1.3}])
    assert _revisions(empty_registry) == {"record": 5, "structure": 5}
    assert last_changes(empty_registry.database)["materials:structure"] == 5


def _revisions(registry: Connection) -> dict[str, Any]:
    [doc] = registry.database["materials"].find({"material_id": "test:mos2"})
    return {name: note["rev"] for name, note in doc["facets"].items()}
