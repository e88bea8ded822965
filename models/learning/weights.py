"""Trained weights as bytes that hold no code: packed with what they are of, read back with `weights_only=True`.

Knows neither files nor databases: where the bytes lie is their owner's business.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Mapping
from typing import Any

import torch

FORMAT = "exfolio weights 1"

State = dict[str, Any]
"""Only tensors, numbers, text, None, and lists and dictionaries of these."""


class WeightsError(ValueError):
    """Weights that can't be used."""


class DamagedWeights(WeightsError):
    """The bytes are cut off, changed, or no weights at all."""


class WrongModel(WeightsError):
    """The weights are of another kind of model than was asked for."""


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
        Tensors and plain data.

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
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DamagedWeights(
            f"these {len(data):,} bytes are no weights, or are damaged ({reason[:200]}); train the model again"
        ) from None
    if not isinstance(plain, dict) or not {"format", "kind", "config", "state"} <= plain.keys():
        raise DamagedWeights(f"these {len(data):,} bytes are not weights that exfolio packed")
    if plain["format"] != FORMAT:
        raise WrongModel(f"weights of format {plain['format']!r}; this version reads {FORMAT!r}: train the model again")
    if plain["kind"] != kind:
        raise WrongModel(f"these are the weights of a {plain['kind']} model, not of a {kind} model")
    return plain["config"], plain["state"]


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
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().clone(memory_format=torch.contiguous_format)
    if isinstance(value, Mapping):
        return {_plain(key, place): _plain(inner, f"{place}.{key}") for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, f"{place}[{i}]") for i, inner in enumerate(value)]
    raise TypeError(f"{place}: weights hold tensors and plain data, not {type(value).__name__}")
