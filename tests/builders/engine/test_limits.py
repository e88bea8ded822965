"""What an item and a worker may take: who is in time notices nothing, who is not is interrupted, and nobody else."""

import signal
import subprocess
import sys
import threading
import time

import pytest
from exfolio.builders.engine import limits as limits_module
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
    limits = Limits.of(Settings())
    shares = [limits.shared_by(workers).memory for workers in (1, 1000)]

    assert shares == [max(LEAST_BYTES, machine_memory()), LEAST_BYTES]
    assert Limits.of(Settings(worker_memory_gb=1.5)).shared_by(2).memory == 1_500_000_000
    assert limits.shared_by(2).of_worker(own_process=False).memory is None, "a thread among others"


def test_an_interruption_on_its_way_hits_the_item_that_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Items of a batch are tried one by one while the interruption of the first is still handled."""
    here = threading.get_ident()

    def taken_by_the_watch(_: limits_module._Limit) -> bool:
        threading.Timer(0.02, limits_module._interrupt, [here]).start()
        return False

    monkeypatch.setattr(limits_module._Limit, "take", taken_by_the_watch)
    try:
        raise TookTooLong
    except TookTooLong:
        with pytest.raises(TookTooLong):
            Limits(60).hold(lambda: None)


def test_of_several_threads_that_hang_the_process_ends_with_the_first_though_another_is_done() -> None:
    program = (
        "import signal, threading, time\n"
        "from exfolio.builders.engine.limits import Limits\n"
        "def hang(seconds):\n"
        "    def deaf():\n"
        "        end = time.monotonic() + 20\n"
        "        while time.monotonic() < end:\n"
        "            try: time.sleep(20)\n"
        "            except BaseException: pass\n"
        "    Limits(seconds, kills=True).hold(deaf)\n"
        "threading.Thread(target=hang, args=(0.5,), daemon=True).start()\n"
        "time.sleep(0.1)\n"
        "Limits(60, kills=True).hold(lambda: time.sleep(0.1))\n"
        "time.sleep(15)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)

    assert ended.returncode == -signal.SIGALRM
