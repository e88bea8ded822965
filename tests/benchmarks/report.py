"""Times two ways of doing the same thing in one run and prints them side by side, as a ratio.

Runs alternate (ours, peer, ours, peer, ...) so that a slow minute of the machine hits both; medians are compared.
"""

from __future__ import annotations

import gc
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comparison:
    """Median seconds of both sides for the work each did."""

    name: str
    ours_s: float
    peer_s: float
    ours_n: int
    peer_n: int

    @property
    def ratio(self) -> float:
        """How many times faster ours is per item."""
        return (self.peer_s / self.peer_n) / (self.ours_s / self.ours_n)


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call, garbage collected before."""
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak_memory_mb() -> float:
    """Peak resident memory of this process so far, in MB (ru_maxrss is in kB on Linux, bytes on macOS)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def compare(
    name: str,
    ours: Callable[[], object],
    peer: Callable[[], object],
    *,
    ours_n: int,
    peer_n: int | None = None,
    repeats: int = 3,
    peer_name: str = "peer",
) -> Comparison:
    """Time both alternately, print one line, return the figures.

    Parameters
    ----------
    ours, peer
        The work, without arguments.
    ours_n, peer_n
        Items each call works through; the peer may be given fewer when it is slow.
    """
    peer_n = ours_n if peer_n is None else peer_n
    ours_times: list[float] = []
    peer_times: list[float] = []
    for _ in range(repeats):
        ours_times.append(seconds(ours))
        peer_times.append(seconds(peer))
    result = Comparison(name, statistics.median(ours_times), statistics.median(peer_times), ours_n, peer_n)
    line = (
        f"{name}: exfolio {ours_n / result.ours_s:,.0f}/s ({result.ours_s:.3f} s for {ours_n:,}), "
        f"{peer_name} {peer_n / result.peer_s:,.0f}/s ({result.peer_s:.3f} s for {peer_n:,}), "
        f"ratio {result.ratio:.1f}x, medians of {repeats}, peak memory {peak_memory_mb():,.0f} MB"
    )
    print(line, flush=True)
    return result
