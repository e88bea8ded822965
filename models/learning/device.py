"""Chooses where a model is computed, and says clearly when that place has too little memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

DEVICES = ("auto", "cpu", "cuda")


class DeviceError(ValueError):
    """The device that was asked for can't be used."""


class OutOfMemory(MemoryError):
    """The device has too little memory; names the remedy."""


def choose(name: str = "auto") -> torch.device:
    """Device of that name: ``auto`` takes a GPU where there is one.

    Raises
    ------
    DeviceError
        There is no such device here; says what there is.
    """
    if name not in DEVICES:
        raise DeviceError(f"no device is called {name!r}; there are: {', '.join(DEVICES)}")
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        built = "" if torch.version.cuda else " (this torch was installed for the CPU only)"
        raise DeviceError(f"no GPU can be used here{built}; use the device auto or cpu")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


@contextmanager
def out_of_memory(remedy: str = "use a smaller batch size, or the device cpu") -> Iterator[None]:
    """Turn the GPU's running out of memory into `OutOfMemory`, which says what to do.

    Raises
    ------
    OutOfMemory
        Within the block the GPU ran out of memory.
    """
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise OutOfMemory(f"the GPU's memory is used up ({str(error).splitlines()[0]}): {remedy}") from None
