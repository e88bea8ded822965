"""A stage in a process of its own, beside the ones that need nothing of it."""

from collections.abc import Iterator

import pytest
from exfolio.builders.engine.channels import Channel
from exfolio.builders.engine.execution.beside import Beside, DiedBeside
from exfolio.stores.bookkeeping import stage_states
from exfolio.stores.connection import Connection
from toy_stages import Doubler, Summer, put_materials


@pytest.fixture
def beside(registry: Connection) -> Iterator[Beside]:
    started = Beside(registry.settings, "20260701T080000-aaaaaaaa")
    yield started
    started.stop()


def test_it_does_what_it_would_do_here_and_only_who_reads_it_waits(registry: Connection, beside: Beside) -> None:
    # Given a stage that was started beside
    put_materials(registry, [{"material_id": f"test:{i}", "nsites": i + 1} for i in range(3)])
    beside.start(Doubler())

    # Then one that reads materials need not wait for its structures, and one that reads these does
    assert not beside.is_needed_by(Summer())
    assert beside.is_needed_by(Halver())

    # And what it did comes back, as if it had run here: the same documents, and nothing due again
    done = beside.wait(bool)
    assert (done.stage, done.inserted) == ("doubler", 3)
    assert sorted(registry.database["structures"].distinct("nsites")) == [2, 4, 6]
    assert stage_states.read(registry, "doubler")["consumed"] == {"materials:record": 3}
    assert not Doubler().is_due(registry)


def test_what_kills_its_process_is_told(registry: Connection, beside: Beside) -> None:
    put_materials(registry, [{"material_id": "test:0", "extra": {"die": True}}])
    beside.start(Doubler())

    with pytest.raises(DiedBeside, match="doubler"):
        beside.wait(bool)


class Halver(Doubler):
    """Reads what `Doubler` makes."""

    def reads(self) -> tuple[Channel, ...]:
        return Doubler().written_channels()
