"""How many threads torch works with, for a while. Knows no network; imports torch only where it is asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def threads_of_torch(threads: int | None) -> Iterator[None]:
    """Run with so many threads of torch, and set back what it had before."""
    if threads is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
