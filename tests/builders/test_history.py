"""What a source corrects: the new value stands, the earlier ones stay in the history with their versions."""

from typing import Any

from exfolio.stores.connection import Connection
from exfolio.stores.documents import Material
from exfolio.stores.writes.history import KEPT_CHANGES
from small_registry import material, put


def write(registry: Connection, version: str, **values: Any) -> dict[str, Any]:
    """One version of MoS2, as its source gives it; gives the document as it is stored then."""
    put(registry, Material, [material("bulk:mos2", "MoS2", "Mo-S", source_version=version, **values)])
    return registry.database["materials"].find_one({"material_id": "bulk:mos2"}) or {}


def test_a_corrected_value_supersedes_the_earlier_one(registry: Connection) -> None:
    write(registry, "2023", band_gap=1.23, energy_above_hull=0.0)

    found = write(registry, "2024", band_gap=1.19, energy_above_hull=0.0)

    assert found["band_gap"] == 1.19
    (earlier,) = found["history"]
    assert (earlier["values"], earlier["source_version"], earlier["replaced_by"]) == (
        {"band_gap": 1.23},
        "2023",
        "2024",
    )
    assert earlier["replaced_at"] == found["updated_at"]


def test_a_value_that_comes_or_goes_is_a_correction_too(registry: Connection) -> None:
    write(registry, "2023", band_gap=1.23)

    found = write(registry, "2024", formation_energy=-0.9)

    assert found["history"][0]["values"] == {"band_gap": 1.23, "formation_energy": None}
    assert "band_gap" not in found


def test_a_new_version_with_the_same_values_leaves_no_trace(registry: Connection) -> None:
    write(registry, "2023", band_gap=1.23, reference="first")

    found = write(registry, "2024", band_gap=1.23, reference="second")

    assert (found["source_version"], found["reference"]) == ("2024", "second")
    assert "history" not in found


def test_a_rounding_is_no_correction(registry: Connection) -> None:
    write(registry, "2023", volume=21.734576750000003)

    assert "history" not in write(registry, "2024", volume=21.734576750000009)


def test_the_history_keeps_the_newest_changes(registry: Connection) -> None:
    for year in range(2000, 2000 + KEPT_CHANGES + 6):
        found = write(registry, str(year), band_gap=float(year))

    versions = [one["source_version"] for one in found["history"]]
    assert versions == [str(year) for year in range(2005, 2005 + KEPT_CHANGES)]


def test_the_history_is_no_part_of_the_content(registry: Connection) -> None:
    first = write(registry, "2023", band_gap=1.23)
    write(registry, "2024", band_gap=1.19)

    again = write(registry, "2023", band_gap=1.23)

    assert again["content_hash"] == first["content_hash"]
    assert len(again["history"]) == 2
