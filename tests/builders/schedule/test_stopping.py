"""A signal asks to stop in order, a second one to stop at once."""

import os
import signal
import threading
import time

import pytest
from exfolio.builders.schedule.stopping import StopRequest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait_and_a_second_one_cuts_off(number: signal.Signals) -> None:
    handler = signal.getsignal(number)
    stop = StopRequest()
    with stop.on_signals():
        threading.Timer(0.1, os.kill, [os.getpid(), number]).start()
        start = time.monotonic()
        stop.wait(30)
        assert time.monotonic() - start < 20
        assert (stop.made, stop.at_once) == (True, False)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert stop.at_once
    assert signal.getsignal(number) == handler


def test_another_thread_may_ask_and_leaves_signals_alone() -> None:
    handler = signal.getsignal(signal.SIGTERM)
    stop = StopRequest()

    def ask() -> None:
        with stop.on_signals():
            assert signal.getsignal(signal.SIGTERM) == handler
            stop.make()

    thread = threading.Thread(target=ask)
    thread.start()
    stop.wait(30)
    thread.join()
    assert (stop.made, stop.at_once) == (True, False)
