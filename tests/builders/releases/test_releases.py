"""Releases of the small registry: the same content the same bytes, told apart when it differs, broken ones found."""

import json
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest
import small_registry
from exfolio.builders.releases.citations import bibliography, bibtex, cited
from exfolio.builders.releases.compare import differences, verify
from exfolio.builders.releases.create import MANIFEST, create_release
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Candidate, RegistryDocument
from exfolio.stores.errors import ConfigurationError

DAY = date(2026, 11, 30)


@pytest.fixture
def registry(empty_registry: Connection) -> Connection:
    small_registry.fill(empty_registry)
    return empty_registry


def promoted(connection: Connection) -> dict[str, object]:
    found = connection.database["candidates"].find_one({"status": "promoted"}, {"_id": 0, "facets": 0})
    assert found is not None
    notes = RegistryDocument._fields_ordered
    return {key: value for key, value in found.items() if key in Candidate._fields and key not in notes}


def test_the_same_content_makes_the_same_files_though_another_run_wrote_it(
    registry: Connection, tmp_path: Path
) -> None:
    first = create_release(registry, tmp_path / "a", day=DAY)
    small_registry.empty(registry)
    small_registry.fill(registry)

    second = create_release(registry, tmp_path / "b", day=DAY)

    names = sorted(path.name for path in first.folder.iterdir())
    assert names == sorted(path.name for path in second.folder.iterdir())
    for name in set(names) - {MANIFEST}:
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name
    assert list(differences(first.folder, second.folder)) == []


def test_what_changed_between_two_releases_is_told_with_both_values(registry: Connection, tmp_path: Path) -> None:
    before = create_release(registry, tmp_path, day=DAY)
    changed = promoted(registry) | {"status": "rejected", "rejected_by": "novel", "exfoliation_energy": 0.31}
    new = changed | {"candidate_id": "two-dimensional/st-new", "structure_id": "st-new"}
    small_registry.put(registry, Candidate, [changed, new])

    after = create_release(registry, tmp_path, day=DAY)

    found = {one.candidate_id: one for one in differences(before.folder, after.folder)}
    assert {one.kind for one in found.values()} == {"changed", "entered"}
    mine = found[str(changed["candidate_id"])]
    assert (mine.before, mine.after) == ("promoted", "rejected (novel)")
    assert mine.changed["exfoliation_energy"][1] == 0.31
    assert found["two-dimensional/st-new"].after == "rejected (novel)"


def test_a_release_says_what_it_rests_on(registry: Connection, tmp_path: Path) -> None:
    made = create_release(registry, tmp_path, title="Layers", day=DAY)

    manifest = json.loads((made.folder / MANIFEST).read_text(encoding="utf-8"))
    assert (manifest["title"], manifest["date"]) == ("Layers", "2026-11-30")
    [source] = manifest["sources"]
    assert (source["name"], source["records"]) == ("bulk", 6)
    assert "exfolio" in manifest["cite"]
    assert "@software{exfolio" in (made.folder / "citations.bib").read_text(encoding="utf-8")


def test_files_that_were_changed_or_lost_are_found(registry: Connection, tmp_path: Path) -> None:
    made = create_release(registry, tmp_path, day=DAY)
    assert verify(made.folder) == []

    (made.folder / "citations.bib").write_text("@misc{nothing}", encoding="utf-8")
    (made.folder / "structures.parquet").unlink()
    (made.folder / "notes.txt").touch()

    assert verify(made.folder) == [
        "citations.bib is not what was released",
        "structures.parquet is missing",
        "notes.txt was not released",
    ]


def test_who_changes_the_manifest_with_a_file_is_found_by_its_digest(registry: Connection, tmp_path: Path) -> None:
    made = create_release(registry, tmp_path, day=DAY)
    assert verify(made.folder, made.digest[:16]) == []

    text = "@misc{nothing}"
    (made.folder / "citations.bib").write_text(text, encoding="utf-8")
    manifest = json.loads((made.folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"]["citations.bib"] = {"bytes": len(text), "sha256": sha256(text.encode()).hexdigest()}
    (made.folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    assert verify(made.folder) == []
    [wrong] = verify(made.folder, made.digest)
    assert wrong.startswith("manifest.json is not what was released")


def test_nothing_is_left_of_a_release_that_could_not_be_made(empty_registry: Connection, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no candidates"):
        create_release(empty_registry, tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text", [None, "[" * 100_000, '{"release": 1, "files": []}', '{"release": 1, "files": {"a": 1}}']
)
def test_a_folder_that_is_no_release_is_told(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ConfigurationError, match="is no release"):
        verify(tmp_path)


def test_sources_and_methods_are_cited_by_their_names() -> None:
    keys = cited(["materials-project:Mn-O", "lab"], ["CHGNet 0.3.0 + D3(BJ) static", "HSE06"])

    assert keys == ["deng2023", "exfolio", "grimme2011", "jain2013", "krukau2006"]
    assert bibtex(keys).count("@") == len(keys)


def test_every_entry_that_may_be_cited_is_in_the_bibliography() -> None:
    from exfolio.builders.releases import citations

    wanted = {*citations._OF_SOURCES.values(), *citations._OF_METHODS.values(), "exfolio"}

    assert wanted == set(bibliography())
    assert all("doi" in text for key, text in bibliography().items() if key != "exfolio")
