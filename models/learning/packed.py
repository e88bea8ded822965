"""Reads packed weights as arrays, without torch, which takes longer to import than a small model to answer.

`weights` packs them: an archive of a pickle and, for each tensor, its bytes. Of the pickle nothing is followed but
those names that tensors are made of, so that it runs no code. Knows neither files nor databases.
"""

from __future__ import annotations

import io
import pickle
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FORMAT: Final = "exfolio weights 1"

_BY_DAMAGE: Final = (
    *(zipfile.BadZipFile, zlib.error, pickle.UnpicklingError, EOFError, ValueError, KeyError, TypeError, IndexError),
    *(AttributeError, OverflowError, RuntimeError),  # a changed flag asks for a password, or another compression
)

State = dict[str, Any]
"""Only tensors (or arrays), numbers, text, None, and lists and dictionaries of these."""

#: Kinds of numbers that tensors hold, by the name of what torch keeps them in.
_DTYPES: Final = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}


class WeightsError(ValueError):
    """Weights that can't be used."""


class DamagedWeights(WeightsError):
    """The bytes are cut off, changed, or no weights at all."""

    @classmethod
    def because(cls, data: bytes, reason: object) -> DamagedWeights:
        """Error that says what is wrong with some bytes."""
        text = str(reason).splitlines()[0] if str(reason) else type(reason).__name__
        return cls(f"these {len(data):,} bytes are no weights, or are damaged ({text[:200]}); train the model again")


class WrongModel(WeightsError):
    """The weights are of another kind of model than was asked for."""


def unpack_arrays(data: bytes, kind: str) -> tuple[dict[str, Any], State]:
    """Config and state of packed weights, tensors as arrays that can't be written to.

    Raises
    ------
    DamagedWeights
        The bytes are no weights, or not all of them.
    WrongModel
        They are of another kind of model, or of a format this version does not know.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            [folder] = {name.partition("/")[0] for name in archive.namelist()}
            plain = _Reader(archive, folder).load()
    except _BY_DAMAGE as error:
        raise DamagedWeights.because(data, error) from None
    return checked(plain, data, kind)


def checked(plain: Any, data: bytes, kind: str) -> tuple[dict[str, Any], State]:
    """Config and state of what was read of packed weights, once they are those of a kind.

    Raises
    ------
    DamagedWeights, WrongModel
        As of `unpack_arrays`.
    """
    if not isinstance(plain, Mapping) or not {"format", "kind", "config", "state"} <= plain.keys():
        raise DamagedWeights(f"these {len(data):,} bytes are not weights that exfolio packed")
    if plain["format"] != FORMAT:
        raise WrongModel(f"weights of format {plain['format']!r}; this version reads {FORMAT!r}: train the model again")
    if plain["kind"] != kind:
        raise WrongModel(f"these are the weights of a {plain['kind']} model, not of a {kind} model")
    return plain["config"], plain["state"]


class _Reader(pickle.Unpickler):
    """Reads the pickle of an archive, with arrays in the place of tensors."""

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(io.BytesIO(archive.read(f"{folder}/data.pkl")))
        self._archive, self._folder = archive, folder

    def find_class(self, module: str, name: str) -> Any:
        """Stand-ins for what tensors are made of; nothing else is looked up."""
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _array
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is no part of weights")

    def persistent_load(self, told: Any) -> NDArray[Any]:
        """Numbers of a tensor: those of a file of the archive."""
        what, dtype, key, _device, number = told
        numbers = np.frombuffer(self._archive.read(f"{self._folder}/data/{key}"), dtype=dtype)
        if what != "storage" or len(numbers) != number:
            raise pickle.UnpicklingError(f"{number} numbers of a tensor are {len(numbers)}")
        return numbers


def _array(
    numbers: NDArray[Any],
    offset: int,
    shape: tuple[int, ...],
    *_rest: object,
) -> NDArray[Any]:
    """Array of a tensor; packed ones are contiguous."""
    array: NDArray[Any] = numbers[offset : offset + int(np.prod(shape))].reshape(shape)
    return array
