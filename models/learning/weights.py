"""Trained weights as bytes that hold no code: packed with what they are of, read back with `weights_only=True`.

Knows neither files nor databases: where the bytes lie is their owner's business.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from .packed import FORMAT, DamagedWeights, State, WeightsError, WrongModel, checked

__all__ = ["DamagedWeights", "State", "WeightsError", "WrongModel", "pack", "unpack"]


def pack(kind: str, config: Mapping[str, Any], state: Mapping[str, Any]) -> bytes:
    """Bytes of a state with the kind and config of its model.

    Equal content gives equal bytes, wherever and whenever it is packed, so that its hash says whether it is the same.

    Parameters
    ----------
    kind
        Kind of model, e.g. ``roost``.
    config
        What it takes to make the model again, as plain data.
    state
        Tensors or arrays, and plain data.

    Raises
    ------
    TypeError
        The state holds something that can't be read back without running code; names where.
    """
    parts = {"format": FORMAT, "kind": kind, "config": config, "state": state}
    plain = {name: _plain(part, name) for name, part in parts.items()}
    buffer = io.BytesIO()
    torch.save(plain, buffer)
    return buffer.getvalue()


def unpack(data: bytes, kind: str) -> tuple[dict[str, Any], State]:
    """Config and state of packed weights; tensors are on the CPU.

    Raises
    ------
    DamagedWeights
        The bytes are no weights, or not all of them.
    WrongModel
        They are of another kind of model, or of a format this version does not know.
    """
    try:
        plain = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, AttributeError, IndexError) as error:
        raise DamagedWeights.because(data, error) from None
    return checked(plain, data, kind)


def _plain(value: Any, place: str) -> Any:
    """Copy that shares nothing: pickle writes what it meets twice another way, and a view with all that it views.

    Complains here, where the mistake was made, and not when the weights are needed again.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return sys.intern(str(value))  # equal texts are one object, or pickle would tell which were
    if isinstance(value, int | float):
        return float(value) if isinstance(value, float) else int(value)
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().clone(memory_format=torch.contiguous_format)
    if isinstance(value, Mapping):
        return {_plain(key, place): _plain(inner, f"{place}.{key}") for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, f"{place}[{i}]") for i, inner in enumerate(value)]
    raise TypeError(f"{place}: weights hold tensors and plain data, not {type(value).__name__}")
