"""The server goes away under a run and comes back: the run goes on, or ends with a clear error; nothing is lost."""

import threading
import time
from pathlib import Path

import psutil
import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.stores.connection import connect
from exfolio.stores.schema import initialise
from exfolio.stores.server import embedded
from exfolio.stores.settings import Settings
from pymongo.errors import PyMongoError
from toy_stages import Doubler, put_materials

COUNT = 60


@pytest.mark.endurance
@pytest.mark.timeout(180)
@pytest.mark.parametrize("abruptly", [False, True])
def test_mongod_restarted_under_a_run(mongod: Path, tmp_path: Path, *, abruptly: bool) -> None:
    settings = Settings(home=tmp_path / "home", mongod=mongod, minimum_free_mb=0, server_wait_seconds=20)
    server = embedded.start(settings)
    outcome: list[BaseException | None] = []
    try:
        with connect(settings) as connection:
            initialise(connection)
            slow = {"extra": {"sleep": 0.05}}
            put_materials(connection, [{"material_id": f"test:{i}", "nsites": 1, **slow} for i in range(COUNT)])

            def work() -> None:
                try:
                    run_stage(Doubler(), connection, batch_size=5)
                    outcome.append(None)
                except PyMongoError as error:
                    outcome.append(error)

            running = threading.Thread(target=work)
            running.start()
            while connection.database["structures"].estimated_document_count() == 0:
                time.sleep(0.02)
            if abruptly:
                process = psutil.Process(server.pid)
                process.kill()
                process.wait()  # until it has given its port back
            else:
                embedded.stop(settings)
            embedded.start(settings)
            running.join(timeout=120)
            assert not running.is_alive()

            run_stage(Doubler(), connection)

            structures = connection.database["structures"]
            assert structures.count_documents({}) == COUNT
            assert len(structures.distinct("structure_id")) == COUNT
            assert structures.distinct("nsites") == [2]
            assert run_stage(Doubler(), connection).due == 0
            states = {run["state"] for run in connection.database["runs"].find()}
            assert states <= ({"succeeded"} if outcome == [None] else {"succeeded", "failed", "running"})
    finally:
        embedded.stop(settings)
