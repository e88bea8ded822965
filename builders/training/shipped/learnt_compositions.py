"""Which compositions the models that come along have learnt from.

What they say of these is no prediction, nor is one new that they draw again. Kept as hashes of the reduced formulas, so
that no data come along.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FILE: Final = "compositions.npz"
_BYTES: Final = 5
"""Of a hash: one in ten million compositions that were not learnt is taken for one that was."""


def learnt(formulas: Sequence[str], kind: str | None = None) -> NDArray[np.bool_]:
    """Whether a shipped model has learnt from each composition.

    Parameters
    ----------
    formulas
        Reduced formulas, as the registry writes them.
    kind
        That of this kind; any of them without.

    Returns
    -------
    ndarray, shape (n,)
    """
    keys, by_kind = _kept()
    learnt_by = by_kind[kind] if kind is not None else np.logical_or.reduce(list(by_kind.values()))
    asked = _hashes(formulas)
    place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    seen: NDArray[np.bool_] = (keys[place] == asked) & learnt_by[place]
    return seen


def number_learnt() -> int:
    """How many compositions the shipped models have learnt from, all together."""
    return len(_kept()[0])


def write(folder: Path, by_kind: Mapping[str, Sequence[str]]) -> Path:
    """Write what the models of each kind have learnt from, as reduced formulas."""
    hashed = {kind: _hashes(sorted(set(formulas))) for kind, formulas in by_kind.items()}
    keys = np.unique(np.concatenate(list(hashed.values())))
    flags: dict[str, Any] = {kind: np.packbits(np.isin(keys, own)) for kind, own in hashed.items()}
    path = folder / FILE
    # Of hashes in order the differences are small.
    np.savez_compressed(path, steps=np.diff(keys, prepend=0).astype(np.uint32), **flags)
    return path


@cache
def _kept() -> tuple[NDArray[np.int64], dict[str, NDArray[np.bool_]]]:
    with (files(__package__) / FILE).open("rb") as file, np.load(file, allow_pickle=False) as read:
        keys = np.cumsum(read["steps"], dtype=np.int64)
        by_kind = {kind: np.unpackbits(read[kind], count=len(keys)) > 0 for kind in read.files if kind != "steps"}
    return keys, by_kind


def _hashes(formulas: Sequence[str]) -> NDArray[np.int64]:
    digests = (hashlib.blake2b(formula.encode(), digest_size=_BYTES).digest() for formula in formulas)
    return np.array([int.from_bytes(digest, "big") for digest in digests], dtype=np.int64)
