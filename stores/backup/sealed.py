"""Streams of bytes that are compressed, and sealed with a passphrase where there is one.

A sealed file begins with a mark and a salt; its content follows in pieces of AES-256-GCM, each with its number and
whether it is the last, so that none can be changed, left out, put elsewhere or cut off unseen. The key comes of the
passphrase by scrypt (RFC 7914).
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import scrypt
from pathlib import Path
from typing import IO, Any, Final

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from ..errors import ConfigurationError

MARK: Final = b"exfolio-sealed-1"
_SALT: Final = 16
_PIECE: Final = 1 << 20
_TAG: Final = 16
_COST: Final = {"n": 2**15, "r": 8, "p": 1, "maxmem": 2**26, "dklen": 32}
_LEVEL: Final = 3


@contextmanager
def sealing(path: Path, passphrase: SecretStr | None) -> Iterator[IO[bytes]]:
    """Open a new file to write what will be compressed and, with a passphrase, sealed."""
    with path.open("xb") as raw:
        under: Any = _Sealer(raw, passphrase) if passphrase else raw
        with zstandard.ZstdCompressor(level=_LEVEL).stream_writer(under, closefd=False) as stream:
            yield stream
        if passphrase:
            under.close()
        raw.flush()
        os.fsync(raw.fileno())


@contextmanager
def unsealing(path: Path, passphrase: SecretStr | None) -> Iterator[IO[bytes]]:
    """Open a file that `sealing` wrote, to read what was written.

    Raises
    ------
    ConfigurationError
        It is sealed and there is no passphrase, or another one; or it is damaged.
    """
    with path.open("rb") as raw:
        sealed = raw.read(len(MARK)) == MARK
        if sealed and passphrase is None:
            raise ConfigurationError(f"{path} is sealed", "Give the file of the passphrase: --passphrase-file FILE")
        under: Any = raw
        if sealed and passphrase is not None:
            under = io.BufferedReader(_Unsealer(raw, passphrase, path), _PIECE)
        else:
            raw.seek(0)
        with zstandard.ZstdDecompressor().stream_reader(under, closefd=False) as stream:
            yield io.BufferedReader(stream, _PIECE)


class _Sealer(io.RawIOBase):
    def __init__(self, raw: IO[bytes], passphrase: SecretStr) -> None:
        salt = os.urandom(_SALT)
        self._raw, self._cipher, self._number = raw, _cipher(passphrase, salt), 0
        self._waiting = bytearray()
        raw.write(MARK + salt)

    def writable(self) -> bool:
        return True

    def write(self, content: object) -> int:
        piece = bytes(content)  # type: ignore[call-overload]
        self._waiting += piece
        while len(self._waiting) > _PIECE:
            self._seal(bytes(self._waiting[:_PIECE]), last=False)
            del self._waiting[:_PIECE]
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            self._seal(bytes(self._waiting), last=True)
        super().close()

    def _seal(self, piece: bytes, *, last: bool) -> None:
        nonce = os.urandom(12)
        self._raw.write(nonce + self._cipher.encrypt(nonce, piece, _place(self._number, last=last)))
        self._number += 1


class _Unsealer(io.RawIOBase):
    def __init__(self, raw: IO[bytes], passphrase: SecretStr, path: Path) -> None:
        self._raw, self._path, self._number = raw, path, 0
        self._cipher = _cipher(passphrase, raw.read(_SALT))
        self._ready = b""
        self._ahead = raw.read(12 + _PIECE + _TAG)
        self._done = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        if not self._ready and not self._done:
            self._open_next()
        size = min(len(view), len(self._ready))
        view[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _open_next(self) -> None:
        sealed, self._ahead = self._ahead, self._raw.read(12 + _PIECE + _TAG)
        last = not self._ahead
        try:
            self._ready = self._cipher.decrypt(sealed[:12], sealed[12:], _place(self._number, last=last))
        except (InvalidTag, ValueError) as error:
            raise ConfigurationError(
                f"{self._path} can't be opened: the passphrase is another, or the file is damaged",
                "Try the right passphrase; else take another backup.",
            ) from error
        self._number += 1
        self._done = last


def _cipher(passphrase: SecretStr, salt: bytes) -> AESGCM:
    return AESGCM(scrypt(passphrase.get_secret_value().encode(), salt=salt, **_COST))


def _place(number: int, *, last: bool) -> bytes:
    return number.to_bytes(8, "big") + bytes([last])
