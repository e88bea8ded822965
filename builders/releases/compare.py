"""Compares releases by their files, and a release with its manifest: what entered, left, changed; what is broken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from ...stores.errors import ConfigurationError
from .create import MANIFEST, digest_of

Doc = dict[str, Any]

_NOT_COMPARED: Final = frozenset({"content_hash"})


@dataclass(frozen=True, slots=True)
class Difference:
    """A candidate that differs between two releases.

    Attributes
    ----------
    kind
        entered, left or changed.
    candidate_id, formula
        Which.
    before, after
        Its verdicts, with the gate that decided; empty where it was not there.
    changed
        By field that changed: the values before and after.
    """

    kind: str
    candidate_id: str
    formula: str
    before: str
    after: str
    changed: dict[str, tuple[Any, Any]]


def read_manifest(folder: Path) -> Doc:
    """Manifest of a release.

    Raises
    ------
    ConfigurationError
        The folder is no release.
    """
    try:
        manifest: Doc = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        _ = manifest["release"], {name: (told["sha256"], told["bytes"]) for name, told in manifest["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigurationError(
            f"{folder} is no release: {MANIFEST} can't be read", "Give the folder that `exfolio release create` made."
        ) from error
    return manifest


def verify(folder: Path, digest: str | None = None) -> list[str]:
    """What is wrong with the files of a release: missing, changed, unknown ones; nothing where all is as it was.

    Parameters
    ----------
    folder
        The release.
    digest
        SHA-256 of its manifest, or the beginning of it, as it was told when the release was made: who changed a file
        may have changed the manifest with it.

    Raises
    ------
    ConfigurationError
        The folder is no release.
    """
    files = read_manifest(folder)["files"]
    wrong = []
    for name, told in sorted(files.items()):
        path = folder / name
        if not path.is_file():
            wrong.append(f"{name} is missing")
        elif path.stat().st_size != told["bytes"] or digest_of(path) != told["sha256"]:
            wrong.append(f"{name} is not what was released")
    if digest is not None and not digest_of(folder / MANIFEST).startswith(digest.lower()):
        wrong.insert(0, f"{MANIFEST} is not what was released: its SHA-256 is {digest_of(folder / MANIFEST)}")
    known = {*files, MANIFEST}
    wrong += [f"{path.name} was not released" for path in sorted(folder.iterdir()) if path.name not in known]
    return wrong


def differences(before: Path, after: Path) -> Iterator[Difference]:
    """Yield the candidates that entered, left or changed between two releases, in the order of their ids.

    Raises
    ------
    ConfigurationError
        A folder is no release, or its candidates can't be read.
    """
    for folder in (before, after):
        read_manifest(folder)
    old, new = _candidates(before), _candidates(after)
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key), new.get(key)
        if a is None or b is None:
            there: Doc = a or b or {}
            kind = "left" if b is None else "entered"
            yield Difference(kind, key, str(there.get("formula_reduced", "")), _verdict(a), _verdict(b), {})
            continue
        names = sorted((a.keys() | b.keys()) - _NOT_COMPARED)
        changed = {name: (a.get(name), b.get(name)) for name in names if a.get(name) != b.get(name)}
        if changed:
            yield Difference("changed", key, str(b.get("formula_reduced", "")), _verdict(a), _verdict(b), changed)


def _candidates(folder: Path) -> dict[str, Doc]:
    try:
        rows = pq.read_table(folder / "candidates.parquet").to_pylist()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{folder / 'candidates.parquet'} can't be read: {error}") from error
    return {row["candidate_id"]: row for row in rows}


def _verdict(row: Doc | None) -> str:
    if row is None:
        return ""
    because = row.get("rejected_by") or row.get("waiting_for")
    return f"{row['status']} ({because})" if because else str(row["status"])
