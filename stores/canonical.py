"""The one way content is hashed: canonical JSON, in which NaN and infinity don't exist.

Two documents have the same hash exactly when a reader of the database could not tell them apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import orjson

_DIGEST_BYTES = 16


class NotStorable(ValueError):
    """A value that can't be kept: NaN, infinity, or a type that JSON does not have. Names the field."""


_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def canonical(content: Any) -> bytes:
    """Canonical JSON of plain content (dict, list, str, int, float, bool, None), as UTF-8.

    Raises
    ------
    NotStorable
        Where a number is NaN or infinite, or a type is not one of these; names the path.
    """
    try:
        text = orjson.dumps(content, default=_plain, option=_OPTIONS)
    except TypeError as error:
        _check(content)
        raise NotStorable(str(error)) from error
    if b"null" in text and orjson.loads(text) != content:  # it is written for NaN and infinity too
        _check(content)
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, float):  # a kind of float, such as numpy's
        return float(value)
    if isinstance(value, tuple):  # one with names
        return list(value)
    raise TypeError


def _check(content: Any) -> None:
    for path, value in _leaves(content):
        if isinstance(value, float) and not math.isfinite(value):
            raise NotStorable(f"{path} is {value}: NaN and infinity are not stored; leave the field out instead")
        if not isinstance(value, str | int | float | bool | type(None)):
            kind = type(value).__name__
            raise NotStorable(f"{path} is a {kind}: only plain numbers, text, lists and dicts are stored")


def content_hash(content: Any) -> str:
    """Hash of plain content, as 32 hexadecimal digits.

    Raises
    ------
    NotStorable
        As `canonical`.
    """
    return blake2b(canonical(content), digest_size=_DIGEST_BYTES).hexdigest()


def content_number(content: Any) -> int:
    """`as_number` of the hash of plain content.

    Raises
    ------
    NotStorable
        As `canonical`.
    """
    digest = blake2b(canonical(content), digest_size=_DIGEST_BYTES).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def as_number(digest: str) -> int:
    """First 64 bits of a hash, as a signed number: to tell whether one thing has changed, not to name things.

    Examples
    --------
    >>> as_number("ffffffffffffffff0000000000000000")
    -1
    """
    return int.from_bytes(bytes.fromhex(digest[:16]), "big", signed=True)


def text_hash(*parts: str) -> str:
    """Hash of a few texts, each kept apart from its neighbours."""
    return blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()


def _leaves(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(content, Sequence) and not isinstance(content, str | bytes):
        for i, value in enumerate(content):
            yield from _leaves(value, f"{path}[{i}]")
    else:
        yield path or "the value", content
