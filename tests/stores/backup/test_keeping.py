"""Which backups go when a newer one has been made."""

from pathlib import Path

from exfolio.stores.backup.backup import MANIFEST
from exfolio.stores.backup.keeping import remove_older


def test_backups_of_a_database_whose_name_begins_alike_are_of_another(tmp_path: Path) -> None:
    for name in ("exfolio-20261001T023000Z", "exfolio-test-20261002T023000Z", "exfolio-20261003T023000Z"):
        (tmp_path / name).mkdir()
        (tmp_path / name / MANIFEST).touch()

    assert [path.name for path in remove_older(tmp_path, "exfolio", 1)] == ["exfolio-20261001T023000Z"]
