"""What an item and a worker may take: who is in time notices nothing, who is not is interrupted, and nobody else."""

import time

import pytest
from exfolio.builders.engine.limits import LEAST_BYTES, Limits, TookTooLong, machine_memory
from exfolio.stores.settings import Settings


def spin() -> None:
    while True:
        pass


def test_what_takes_too_long_is_interrupted_and_what_is_in_time_returns() -> None:
    with pytest.raises(TookTooLong):
        Limits(0.05).hold(spin)
    assert Limits(60).hold(lambda: "done") == "done"


def test_what_is_done_as_its_time_ends_is_interrupted_then_or_never() -> None:
    ends = 0
    for i in range(60):
        try:
            Limits(0.002).hold(lambda i=i: time.sleep(0.0018 + 0.00001 * i))  # type: ignore[misc]
        except TookTooLong:
            ends += 1
    time.sleep(0.05)  # where what came too late would hit

    assert ends > 0


def test_a_worker_has_its_share_of_the_machine() -> None:
    shares = [Limits.of(Settings(processes=processes)).memory for processes in (1, 1000)]

    assert shares == [max(LEAST_BYTES, machine_memory()), LEAST_BYTES]
    assert Limits.of(Settings(worker_memory_gb=1.5)).memory == 1_500_000_000
