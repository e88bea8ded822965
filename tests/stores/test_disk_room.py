"""Whether there is room for a job is said before it begins, with figures."""

from pathlib import Path

import pytest
from exfolio.stores.connection import Connection
from exfolio.stores.disk_room import require_room, require_room_in_database
from exfolio.stores.errors import CannotRunError

PETABYTE = 10**15


def test_a_folder_yet_to_be_made_has_the_room_of_the_one_it_will_lie_in(tmp_path: Path) -> None:
    require_room("a backup", 1, tmp_path / "new" / "folder")
    with pytest.raises(CannotRunError, match=r"a backup takes about 1,000,000,000 MB, and .*folder has [\d,]+ MB free"):
        require_room("a backup", PETABYTE, tmp_path / "new" / "folder")


def test_what_a_job_adds_and_what_has_to_stay_free_count(connection: Connection) -> None:
    require_room_in_database(connection, "a refresh", 1)
    with pytest.raises(CannotRunError, match=r"adds about 1,000,000,000 MB, and .* MB free") as refused:
        require_room_in_database(connection, "a refresh", PETABYTE)
    assert refused.value.exit_code == 3
