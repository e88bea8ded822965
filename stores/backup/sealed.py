"""Files that are compressed, and sealed with a passphrase where there is one.

The key comes of the passphrase by scrypt (RFC 7914), once a backup. The content of a sealed file is in pieces of
AES-256-GCM, each bound to the name of its file, its number, and whether it is the last: none can be changed, left out,
put elsewhere or cut off unseen.
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

_SALT: Final = 16
_NONCE: Final = 12
_TAG: Final = 16
_PIECE: Final = 1 << 20
_COST: Final = {"n": 2**15, "r": 8, "p": 1, "maxmem": 2**26, "dklen": 32}
_LEVEL: Final = 3


class WrongSeal(Exception):
    """A piece was not sealed with this passphrase, or is not what was sealed."""


class Seal:
    """Key of one backup.

    Parameters
    ----------
    passphrase
        What the key comes of.
    salt
        That of the backup; a new one without.
    """

    def __init__(self, passphrase: SecretStr, salt: bytes | None = None) -> None:
        self.salt = os.urandom(_SALT) if salt is None else salt
        self._cipher = AESGCM(scrypt(passphrase.get_secret_value().encode(), salt=self.salt, **_COST))

    def close(self, content: bytes, place: bytes) -> bytes:
        """Sealed content, which opens at the same place only."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, content, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Content of what was sealed.

        Raises
        ------
        WrongSeal
            It was not sealed so.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], place)
        except (InvalidTag, ValueError) as error:
            raise WrongSeal from error


@contextmanager
def sealing(path: Path, seal: Seal | None) -> Iterator[IO[bytes]]:
    """Open a new file to write what will be compressed and, with a seal, sealed."""
    with path.open("xb") as raw:
        under: Any = _Sealer(raw, seal, path.name) if seal else raw
        with zstandard.ZstdCompressor(level=_LEVEL).stream_writer(under, closefd=False) as stream:
            yield stream
        if seal:
            under.close()
        raw.flush()
        os.fsync(raw.fileno())


@contextmanager
def unsealing(path: Path, seal: Seal | None) -> Iterator[IO[bytes]]:
    """Open a file that `sealing` wrote, with the same seal or without, to read what was written.

    Raises
    ------
    ConfigurationError
        It is not sealed so: it is damaged, or another file in its place.
    """
    with path.open("rb") as raw:
        under: Any = io.BufferedReader(_Unsealer(raw, seal, path), _PIECE) if seal else raw
        with zstandard.ZstdDecompressor().stream_reader(under, closefd=False) as stream:
            yield io.BufferedReader(stream, _PIECE)


class _Sealer(io.RawIOBase):
    def __init__(self, raw: IO[bytes], seal: Seal, name: str) -> None:
        self._raw, self._seal, self._name, self._number = raw, seal, name, 0
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: object) -> int:
        piece = bytes(content)  # type: ignore[call-overload]
        self._waiting += piece
        while len(self._waiting) > _PIECE:
            self._put(bytes(self._waiting[:_PIECE]), last=False)
            del self._waiting[:_PIECE]
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            self._put(bytes(self._waiting), last=True)
        super().close()

    def _put(self, piece: bytes, *, last: bool) -> None:
        self._raw.write(self._seal.close(piece, _place(self._name, self._number, last=last)))
        self._number += 1


class _Unsealer(io.RawIOBase):
    def __init__(self, raw: IO[bytes], seal: Seal, path: Path) -> None:
        self._raw, self._seal, self._path, self._number = raw, seal, path, 0
        self._ready = b""
        self._ahead = self._next()
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
        sealed, self._ahead = self._ahead, self._next()
        last = not self._ahead
        try:
            self._ready = self._seal.open(sealed, _place(self._path.name, self._number, last=last))
        except WrongSeal as error:
            raise ConfigurationError(
                f"{self._path} is damaged, or another file in its place", "Take another backup."
            ) from error
        self._number += 1
        self._done = last

    def _next(self) -> bytes:
        return self._raw.read(_NONCE + _PIECE + _TAG)


def _place(name: str, number: int, *, last: bool) -> bytes:
    return f"{name}/{number}/{'last' if last else 'more'}".encode()
