"""Work in a process of its own: within its time, or ended."""

import gc
import math
import time

import psutil
import pytest
from exfolio.web.own_process import OwnProcess


def test_work_that_takes_too_long_is_ended_and_the_next_is_done() -> None:
    own = OwnProcess(gc.collect)
    try:
        assert own.within(60, math.sqrt, 4) == 2
        [worker] = [one for one in psutil.Process().children() if "spawn_main" in " ".join(one.cmdline())]

        with pytest.raises(TimeoutError):
            own.within(0.1, time.sleep, 3600)

        assert not worker.is_running()
        with pytest.raises(ValueError, match=r"math domain|nonnegative"):
            own.within(60, math.sqrt, -1)
        with pytest.raises(ChildProcessError):
            own.within(60, exit, 1)
    finally:
        own.close()
