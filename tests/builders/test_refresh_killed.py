"""A refresh that is killed outright, as a process: the next finish it, and nothing else comes of it."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from contents import current, differences, empty
from exfolio.builders.candidates.campaigns.campaign_files import load
from exfolio.builders.refresh import refresh
from exfolio.stores.connection import Connection
from known_crystals import revisions
from two_campaigns import write_campaigns

KILLS = int(os.environ.get("KILLS", "1"))


@pytest.fixture
def campaigns(tmp_path: Path) -> list[str]:
    """Files of two campaigns: layers cut from crystals, and compositions that are drawn, over one source."""
    return write_campaigns(tmp_path)


def start(registry: Connection, campaigns: list[str]) -> subprocess.Popen[bytes]:
    settings = registry.settings
    values = {"HOME": settings.home, "MONGOD": settings.mongod, "DATABASE": registry.name, "BATCH_SIZE": 7}
    environment = {**os.environ, **{f"EXFOLIO_{name}": str(value) for name, value in values.items()}}
    program = "import sys; from exfolio.cli.main import main; main()"
    command = [sys.executable, "-c", program, "refresh", *campaigns, "-n", "1"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finish(registry: Connection, campaigns: list[str]) -> None:
    report = refresh(registry, [load(file) for file in campaigns])
    assert report.exit_code == 0


@pytest.mark.endurance
@pytest.mark.timeout(600)
def test_a_refresh_killed_at_random_points_is_finished_by_the_next(registry: Connection, campaigns: list[str]) -> None:
    finish(registry, campaigns)
    undisturbed = current(registry)
    assert len(undisturbed["compositions"]) == 300
    assert len(undisturbed["candidates"]) >= 8
    empty(registry)

    chance = random.Random(20261129)
    kills = 0
    while kills < KILLS:
        runs = registry.database["runs"].count_documents({})
        process = start(registry, campaigns)
        while process.poll() is None and registry.database["runs"].count_documents({}) == runs:
            time.sleep(0.05)  # it imports what it needs
        try:
            process.wait(timeout=chance.uniform(0.1, 4.0))
            empty(registry)  # all done: begin again, to be killed at other points
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    finish(registry, campaigns)

    assert differences(current(registry), undisturbed) == []
    assert registry.database["failures"].count_documents({}) == 0
    before = revisions(registry)
    refresh(registry)
    assert revisions(registry) == before
