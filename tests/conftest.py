"""What every test may ask for."""

import os

# Before numpy and torch are imported: the workers of pytest-xdist are the parallel part, and the nets of tests are so
# small that threads cost them several times what they save. Processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from contents import empty
from exfolio.stores.connection import Connection, connect
from exfolio.stores.errors import ExfolioError
from exfolio.stores.schema import initialise
from exfolio.stores.server import embedded, replica_set
from exfolio.stores.server.mongod_binary import find_mongod
from exfolio.stores.settings import CONFIG_VARIABLE, PREFIX, Settings
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from pymongo.write_concern import WriteConcern

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory: what the server of the tests would wait for a disk there, it does not."""
ENOUGH_MEMORY = 3 << 30  # bytes free there; the server's files take a tenth of it


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the folder of real data that lies beside the project in development, or a skip that says so."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the folder of real data (shared/data beside the project) is not there")
    return SHARED_DATA


@pytest.fixture(autouse=True, scope="session")
def _no_settings_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests away from the settings and the database of who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
            patch.delenv(name)
        empty = tmp_path_factory.mktemp("settings") / "exfolio.toml"
        empty.touch()
        patch.setenv(CONFIG_VARIABLE, str(empty))
        yield


@pytest.fixture(scope="session")
def mongod() -> Path:
    """Give the mongod that tests run, or a skip that says why there is none."""
    try:
        return find_mongod()
    except ExfolioError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def mongo_server(mongod: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    """One embedded server for all tests, shared by the workers of pytest-xdist; the last to leave stops it."""
    base = tmp_path_factory.getbasetemp()
    home = _in_memory((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "mongo-server")
    settings = Settings(home=home, mongod=mongod)
    guests = home / "guests"
    guests.mkdir(parents=True, exist_ok=True)
    guest = guests / str(os.getpid())
    guest.touch()
    server = embedded.start(settings)
    with replica_set.admin_client(server.port, server.home.credentials().admin) as admin:
        roles = [{"role": role, "db": "admin"} for role in ("readWriteAnyDatabase", "dbAdminAnyDatabase")]
        admin.admin.command("grantRolesToUser", replica_set.USER, roles=roles)
        _wait_for_no_journal(admin)
    yield server
    guest.unlink()
    if not any(guests.iterdir()):
        psutil.Process(server.pid).kill()  # in order would take seconds, for data that go anyway
        shutil.rmtree(home.resolve(), ignore_errors=True)
        if home.is_symlink():
            home.unlink()


def _wait_for_no_journal(admin: MongoClient[dict[str, Any]]) -> None:
    # What this server holds need not outlive it: a write that did not wait for its journal costs a third.
    config = admin.admin.command("replSetGetConfig")["config"]
    if config["writeConcernMajorityJournalDefault"]:
        config |= {"version": config["version"] + 1, "writeConcernMajorityJournalDefault": False}
        with suppress(OperationFailure):  # another worker has just done it
            admin.admin.command("replSetReconfig", config)
        # Reads by the majority wait, up to 20 s, for a first write under the new configuration.
        admin.get_database("admin", write_concern=WriteConcern("majority"))["begun"].insert_one({})
    admin.admin.command("setParameter", 1, diagnosticDataCollectionEnabled=False)


def _in_memory(home: Path) -> Path:
    """Make a folder a link to one in memory, where there is enough; whoever comes second finds the link."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ENOUGH_MEMORY or home.exists():
        return home
    for left_behind in MEMORY.glob(f"exfolio-tests-{os.getuid()}-*"):
        users = [left_behind.name.split("-")[3], *(path.name for path in left_behind.glob("guests/*"))]
        if not any(psutil.pid_exists(int(pid)) for pid in users):  # of a run that was killed
            if running := embedded.find_running(Settings(home=left_behind)):
                psutil.Process(running.pid).kill()
            shutil.rmtree(left_behind, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"exfolio-tests-{os.getuid()}-{os.getpid()}-", dir=MEMORY))
    try:
        home.symlink_to(folder)
    except FileExistsError:
        folder.rmdir()
    return home


@pytest.fixture
def settings(mongo_server: embedded.Server, mongod: Path) -> Settings:
    """Give settings of the shared server, with a database name of this test's own."""
    return Settings(home=mongo_server.home.folder.parent, mongod=mongod, database=f"test_{uuid.uuid4().hex[:12]}")


@pytest.fixture
def connection(settings: Settings) -> Iterator[Connection]:
    """Connect to a fresh database, dropped afterwards."""
    with connect(settings) as opened:
        yield opened
        opened.client.drop_database(opened.name)


@pytest.fixture(scope="session")
def _registry(mongo_server: embedded.Server, mongod: Path) -> Iterator[Connection]:
    name = f"registry_{uuid.uuid4().hex[:12]}"
    settings = Settings(home=mongo_server.home.folder.parent, mongod=mongod, database=name, processes=1)
    with connect(settings) as opened:
        initialise(opened)
        yield opened
        opened.client.drop_database(opened.name)


@pytest.fixture
def empty_registry(_registry: Connection) -> Connection:
    """An empty registry with its indexes and validators: made once, and emptied for every test."""
    empty(_registry)
    return _registry


@pytest.fixture
def home(tmp_path: Path, mongod: Path) -> Iterator[Settings]:
    """Give settings of a server of this test's own, not started; stopped afterwards if it was."""
    own = Settings(home=tmp_path / "home", mongod=mongod)
    yield own
    if running := embedded.find_running(own):
        psutil.Process(running.pid).kill()
