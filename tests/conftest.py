"""What every test may ask for."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data that lies beside the project in development, or a skip that says so."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the folder of real data (shared/data beside the project) is not there")
    return SHARED_DATA
