"""The folder of a piece of work: a manifest, the stage, units of items, and the results that come back.

What goes out is packed by this program for itself, and only what the manifest vouches for is unpacked. What comes back
may have been anywhere: it is compressed JSON of plain values with a checksum, and nothing in it is executed.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import orjson
import zstandard

from ....stores.canonical import NotStorable, canonical
from ....stores.errors import ConfigurationError
from ..batches import Doc, Failure, Item, Outcome, Refused

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
_STAGE: Final = "stage.pickle.zst"
_UNITS, _RESULTS = "units", "results"
_PARTS: Final = (f".{_STAGE}.", f".{MANIFEST}.")
"""Begin the names of files that are being written, beside the units'."""
_LARGEST: Final = 1 << 30
"""Bytes of a result once it is decompressed."""
_KINDS: Final = ("documents", "failure", "refused")
_SAID: Final = {"stage": str, "work": str, "fingerprint": str, "batch_size": int, "versions": dict, "stage_sha256": str}
"""What a manifest says, beside its units."""


class Damaged(ConfigurationError):
    """A file of the work is not as it was written, or is not of this work."""


@dataclass(frozen=True)
class WorkFolder:
    """A piece of work on disk.

    Attributes
    ----------
    path
        Its folder.
    """

    path: Path

    # What goes out

    def begin(self) -> None:
        """Make the folder; what an export that did not come to its end has left there goes.

        Raises
        ------
        ConfigurationError
            There is something else in it, or it can't be made.
        """
        try:
            if self._is_unfinished():
                self.discard()
            if self.path.is_dir() and any(self.path.iterdir()):
                raise ConfigurationError(f"{self.path} is not empty", "Name a new folder with --out.")
            (self.path / _UNITS).mkdir(parents=True)
            (self.path / _RESULTS).mkdir()
        except OSError as error:
            raise ConfigurationError(f"{self.path} can't be made: {error.strerror}", "Name another folder.") from error

    def discard(self) -> None:
        """Take away what was written, unless there is a manifest: then it is whole."""
        if (self.path / MANIFEST).exists():
            return
        for name in (_UNITS, _RESULTS):
            shutil.rmtree(self.path / name, ignore_errors=True)
        for name in (_STAGE, *(part.name for part in self.path.iterdir() if part.name.startswith(_PARTS))):
            (self.path / name).unlink(missing_ok=True)
        with suppress(OSError):  # something else is in it
            self.path.rmdir()

    def _is_unfinished(self) -> bool:
        if not self.path.is_dir() or any((self.path / _RESULTS).glob("*")):
            return False
        parts = {path.name for path in self.path.iterdir() if not path.name.startswith(_PARTS)}
        return bool(parts) and parts <= {_UNITS, _RESULTS, _STAGE}

    def put_stage(self, payload: bytes) -> str:
        """Write the packed stage; returns its hash."""
        return _put(self.path / _STAGE, payload)

    def put_unit(self, number: int, items: Sequence[Item]) -> Doc:
        """Write a unit; returns its entry of the manifest."""
        packed = pickle.dumps(list(items))
        digest = _put(self._unit(number), packed)
        return {"unit": number, "items": len(items), "sha256": digest}

    def finish(self, manifest: Doc) -> None:
        """Write the manifest, last: a folder without one is no work."""
        text = json.dumps({"format": FORMAT, **manifest}, indent=1)
        _replace(self.path / MANIFEST, text.encode())

    @cached_property
    def manifest(self) -> Doc:
        """What the work is.

        Raises
        ------
        Damaged
            There is no manifest, or it is none of ours.
        """
        path = self.path / MANIFEST
        try:
            found = json.loads(path.read_bytes())
            known = found["format"] == FORMAT and all(isinstance(found[name], kind) for name, kind in _SAID.items())
            units = {int(unit["unit"]): unit["sha256"] for unit in found["units"]}
            known = known and all(unit["unit"] in units for unit in found["units"])  # numbers: they name files
        except OSError as error:
            raise Damaged(f"{path} can't be read: {error.strerror}", self._remedy()) from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Damaged(f"{path} is damaged: {error!r}", "Export the work again.") from error
        if not known or len(units) != len(found["units"]):
            raise Damaged(f"{path} is of another version of exfolio, or damaged", "Export the work again.")
        manifest: Doc = found
        return manifest

    def _remedy(self) -> str:
        stages = sorted(path.parent.name for path in self.path.glob(f"*/{MANIFEST}"))
        if stages:  # of a campaign
            return f"It has a folder for each stage: name one, as {self.path / stages[0]}."
        return "Name a folder of exfolio work export."

    @property
    def units(self) -> list[int]:
        """Numbers of the units."""
        return [unit["unit"] for unit in self.manifest["units"]]

    def payload(self) -> bytes:
        """The packed stage.

        Raises
        ------
        Damaged
            It is not as it was written.
        """
        return _get(self.path / _STAGE, self.manifest["stage_sha256"])

    def items(self, number: int) -> list[Item]:
        """Items of a unit.

        Raises
        ------
        Damaged
            It is not as it was written.
        """
        [digest] = [unit["sha256"] for unit in self.manifest["units"] if unit["unit"] == number]
        items: list[Item] = pickle.loads(_get(self._unit(number), digest))  # noqa: S301  the manifest vouches for it
        return items

    # What comes back

    def has_result(self, number: int) -> bool:
        """Whether a unit has a result, whole or not."""
        return self._result(number).exists()

    def put_result(self, number: int, items: Sequence[Item], outcomes: Sequence[Outcome], versions: Doc) -> None:
        """Write what became of a unit, all at once."""
        told = [[item.key, digest(item), *_plain(outcome)] for item, outcome in zip(items, outcomes, strict=True)]
        content = {"work": self.manifest["work"], "unit": number, "versions": versions, "outcomes": told}
        compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
        _replace(self._result(number), compressor.compress(canonical(content)))

    def result(self, number: int, versions: Doc) -> Iterator[tuple[tuple[str, str], Outcome]]:
        """Yield outcomes of a unit by key and hash of their items.

        Parameters
        ----------
        number
            Number of the unit.
        versions
            By which they have to have been computed.

        Raises
        ------
        Damaged
            The file is damaged, of another work, or computed by other versions.
        """
        path = self._result(number)
        try:
            content = orjson.loads(_decompressed(path.read_bytes()))
            found = {(key, hashed): _outcome(kind, value) for key, hashed, kind, value in content["outcomes"]}
            whose, unit, by = content["work"], content["unit"], dict(content["versions"])
        except (OSError, ValueError, KeyError, TypeError, zstandard.ZstdError) as error:
            raise Damaged(f"{path} is damaged ({error})", f"Remove it, and compute unit {number} again.") from error
        if (whose, unit) != (self.manifest["work"], number):
            raise Damaged(f"{path} is a result of another work or unit", "Put it where it belongs.")
        if by != versions:
            theirs = ", ".join(f"{name} {value}" for name, value in sorted(by.items()) if versions.get(name) != value)
            raise Damaged(f"{path} was computed by {theirs}", "Compute it with the exfolio that is installed here.")
        yield from found.items()

    def _unit(self, number: int) -> Path:
        return self.path / _UNITS / f"{number:05}.pickle.zst"

    def _result(self, number: int) -> Path:
        return self.path / _RESULTS / f"{number:05}.json.zst"


def digest(item: Item) -> str:
    """Hash of what an item holds."""
    try:
        plain = canonical(item.content)
    except NotStorable:
        plain = pickle.dumps(item.content)
    return blake2b(plain, digest_size=16).hexdigest()


def _plain(outcome: Outcome) -> tuple[str, Any]:
    if isinstance(outcome, Failure):
        return "failure", [outcome.reason, outcome.remedy]
    if isinstance(outcome, Refused):
        return "refused", [outcome.file, outcome.place, outcome.reason, outcome.remedy, outcome.key]
    try:
        canonical(outcome)
    except NotStorable as error:
        return "failure", [f"can't be stored: {error}", ""]
    return "documents", outcome


def _outcome(kind: str, value: Any) -> Outcome:
    if kind not in _KINDS:
        raise ValueError(f"an outcome of kind {kind!r}")
    if kind == "documents":
        if not isinstance(value, dict) or not all(isinstance(docs, list) for docs in value.values()):
            raise ValueError("documents that are none")
        return value
    if not all(isinstance(text, str) for text in value):
        raise ValueError(f"a {kind} that is not text")
    return Failure(*value) if kind == "failure" else Refused(*value)


def _put(path: Path, content: bytes) -> str:
    compressed = zstandard.ZstdCompressor(level=3).compress(content)
    _replace(path, compressed)
    return hashlib.sha256(compressed).hexdigest()


def _get(path: Path, digest_: str) -> bytes:
    try:
        compressed = path.read_bytes()
    except OSError as error:
        raise Damaged(f"{path} can't be read: {error.strerror}", "Copy the folder again.") from error
    if hashlib.sha256(compressed).hexdigest() != digest_:
        raise Damaged(f"{path} is damaged: it is not as the manifest says", "Copy the folder again.")
    return zstandard.ZstdDecompressor().decompress(compressed)


def _decompressed(compressed: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(compressed)) as reader:
        content: bytes = reader.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"more than {_LARGEST:,} bytes")
    return content


def _replace(path: Path, content: bytes) -> None:
    # Several jobs may compute the same unit: whoever is last replaces the whole file by one that says the same.
    # On nodes that share the folder they may also have the same number, as in containers.
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with part.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ConfigurationError(f"{path} can't be written: {error.strerror}", "Make room, or name another.") from error
