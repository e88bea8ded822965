"""Backups of the small registry: restored it is equal, whatever was written meanwhile; what is broken is found."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_registry
from exfolio.stores.backup.backup import MANIFEST, back_up, describe, restore, verify
from exfolio.stores.bookkeeping import artefacts
from exfolio.stores.bookkeeping.leases import Lease
from exfolio.stores.connection import Connection, connect
from exfolio.stores.documents import Material
from exfolio.stores.errors import ConfigurationError
from pydantic import SecretStr

PASSPHRASE = SecretStr("correct horse battery staple")


@pytest.fixture
def registry(empty_registry: Connection) -> Connection:
    small_registry.fill(empty_registry)
    return empty_registry


@pytest.fixture
def elsewhere(empty_registry: Connection) -> Iterator[Connection]:
    """A database that holds nothing."""
    settings = empty_registry.settings.model_copy(update={"database": f"test_{uuid.uuid4().hex[:12]}"})
    with connect(settings) as opened:
        yield opened
        opened.client.drop_database(opened.name)


def content(connection: Connection) -> dict[str, list[dict[str, object]]]:
    names = connection.database.list_collection_names()
    found = {name: list(connection.database[name].find().sort("_id", 1)) for name in names}
    return {name: documents for name, documents in found.items() if documents}


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_what_is_restored_is_what_was(
    registry: Connection, elsewhere: Connection, tmp_path: Path, passphrase: SecretStr | None
) -> None:
    weights = artefacts.put(registry, b"weights" * 100_000, what="model")

    made = back_up(registry, tmp_path, passphrase=passphrase)
    restored = restore(elsewhere, made.folder, passphrase=passphrase)

    assert content(elsewhere) == content(registry)
    assert artefacts.get(elsewhere, weights) == b"weights" * 100_000
    assert restored.documents["materials"] == 7
    indexes = elsewhere.database["materials"].index_information()
    assert indexes == registry.database["materials"].index_information()


def test_what_is_written_meanwhile_is_not_in_it(registry: Connection, tmp_path: Path) -> None:
    def write_more(name: str, _: int) -> None:
        small_registry.put(registry, Material, [small_registry.material(f"late:{name}", "FeO", "Fe-O")])

    made = back_up(registry, tmp_path, progress=write_more)

    assert made.documents["materials"] == 7
    assert verify(made.folder) == []


def test_a_sealed_backup_is_opened_by_its_passphrase_alone(registry: Connection, tmp_path: Path) -> None:
    made = back_up(registry, tmp_path, passphrase=PASSPHRASE)

    assert describe(made.folder).sealed
    assert verify(made.folder, passphrase=PASSPHRASE) == []
    with pytest.raises(ConfigurationError, match="is sealed"):
        verify(made.folder)
    with pytest.raises(ConfigurationError, match="passphrase is another"):
        verify(made.folder, passphrase=SecretStr("wrong"))
    assert b"MoS2" not in (made.folder / "materials.bson.zst").read_bytes()


@pytest.mark.parametrize("harm", ["cut", "change", "swap", "remove"])
def test_a_harmed_backup_is_found_and_not_restored(
    registry: Connection, elsewhere: Connection, tmp_path: Path, harm: str
) -> None:
    made = back_up(registry, tmp_path)
    file = made.folder / "materials.bson.zst"
    whole = file.read_bytes()
    if harm == "cut":
        file.write_bytes(whole[: len(whole) // 2])
    elif harm == "change":
        file.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])
    elif harm == "swap":
        file.write_bytes((made.folder / "properties.bson.zst").read_bytes())
    else:
        file.unlink()

    assert verify(made.folder)
    with pytest.raises(ConfigurationError, match="is not whole"):
        restore(elsewhere, made.folder)
    assert elsewhere.database.list_collection_names() == []


def test_neither_a_plain_file_nor_a_changed_manifest_passes_for_sealed(registry: Connection, tmp_path: Path) -> None:
    sealed = back_up(registry, tmp_path / "sealed", passphrase=PASSPHRASE).folder
    plain = back_up(registry, tmp_path / "plain").folder
    with pytest.raises(ConfigurationError, match="is not sealed"):
        verify(plain, passphrase=PASSPHRASE)

    (sealed / "materials.bson.zst").write_bytes((plain / "materials.bson.zst").read_bytes())
    (sealed / "runs.bson.zst").write_bytes((sealed / "properties.bson.zst").read_bytes())
    assert [line.partition(" is damaged")[0] for line in verify(sealed, passphrase=PASSPHRASE)] == [
        "materials.bson.zst",
        "runs.bson.zst",
    ]

    manifest = json.loads((sealed / MANIFEST).read_text())
    manifest["collections"]["runs"] = manifest["collections"]["properties"]
    (sealed / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ConfigurationError, match="manifest was changed"):
        verify(sealed, passphrase=PASSPHRASE)


def test_a_sealed_file_that_was_cut_off_is_not_taken_for_whole(registry: Connection, tmp_path: Path) -> None:
    artefacts.put(registry, bytes(range(256)) * 20_000, what="model")
    made = back_up(registry, tmp_path, passphrase=PASSPHRASE)
    for file in made.folder.glob("*.zst"):
        file.write_bytes(file.read_bytes()[:-20])

    wrong = verify(made.folder, passphrase=PASSPHRASE)

    assert len(wrong) == len(made.documents)
    assert all("is damaged" in line for line in wrong)


def test_nothing_is_restored_over_what_is_there(registry: Connection, tmp_path: Path) -> None:
    made = back_up(registry, tmp_path)

    with pytest.raises(ConfigurationError, match="is not empty"):
        restore(registry, made.folder)


def test_work_goes_on_in_what_was_restored(registry: Connection, elsewhere: Connection, tmp_path: Path) -> None:
    for _ in range(2):
        with Lease(registry, "refresh", seconds=30):
            pass
    made = back_up(registry, tmp_path)
    restore(elsewhere, made.folder)

    with Lease(registry, "refresh", seconds=30) as there, Lease(elsewhere, "refresh", seconds=30) as here:
        assert here.token == there.token


def test_a_backup_of_a_newer_program_is_refused(registry: Connection, elsewhere: Connection, tmp_path: Path) -> None:
    made = back_up(registry, tmp_path)
    manifest = json.loads((made.folder / MANIFEST).read_text())
    (made.folder / MANIFEST).write_text(json.dumps(manifest | {"schema_version": 999}))

    with pytest.raises(ConfigurationError, match="is newer than this one"):
        restore(elsewhere, made.folder)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 100_000,
        '{"collections": [], "made_at": 1, "exfolio": "1", "sealed": 0, "schema_version": "x"}',
        '{"collections": {"a": 1}, "made_at": "2026-01-01", "exfolio": "1", "sealed": null, "schema_version": 1}',
        '{"collections": {}, "made_at": "never", "exfolio": "1", "sealed": null, "schema_version": 1}',
        '{"collections": {}, "made_at": "2026-01-01", "exfolio": "1", "sealed": {"salt": "x"}, "schema_version": 1}',
    ],
)
def test_a_manifest_that_no_backup_has_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(ConfigurationError, match="is no backup"):
        list(verify(tmp_path))


def test_an_empty_database_is_not_backed_up(elsewhere: Connection, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is empty"):
        back_up(elsewhere, tmp_path)

    assert list(tmp_path.iterdir()) == []
