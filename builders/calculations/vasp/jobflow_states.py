"""States of the jobs of a jobflow-remote project, and where their results lie, read from the project's own database."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ....stores.errors import CannotRunError, ConfigurationError

_MAX_BYTES: Final = 1 << 20
_ANSWER_MILLISECONDS: Final = 5000
_QUERY_MILLISECONDS: Final = 60_000
_WITHOUT: Final = ("FAILED", "REMOTE_ERROR")
"""States in which a job stays until a person does something."""
_LONGEST: Final = 200


@dataclass
class Jobs:
    """Jobs of exfolio in a project.

    Attributes
    ----------
    states
        How many are in which state.
    failed
        By name, the last line of what a job that failed said.
    folders
        Of completed jobs, where this machine finds them.
    elsewhere
        Of completed jobs, by worker, folders that this machine does not find.
    """

    states: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)
    elsewhere: dict[str, list[str]] = field(default_factory=dict)


def read_jobs(project: Path) -> Jobs:
    """Jobs that exfolio has exported, as the project's database has them now.

    Parameters
    ----------
    project
        Project file of jobflow-remote.

    Raises
    ------
    ConfigurationError
        The file is no such project.
    CannotRunError
        Its database does not answer.
    """
    store = _queue(project)
    jobs = Jobs()
    wanted = {"name": "$job.name", "state": 1, "error": 1, "run_dir": 1, "worker": 1, "remote.error": 1, "_id": 0}
    try:
        with _client(store) as client:
            collection = client[store["database"]][store["collection_name"]]
            for doc in collection.find({"job.metadata.exfolio": {"$exists": True}}, wanted).max_time_ms(
                _QUERY_MILLISECONDS
            ):
                _add(jobs, doc)
    except PyMongoError as error:
        raise CannotRunError(
            f"the database of {project} does not answer ({type(error).__name__})",
            "Check host, port, user and password under queue.store.",
        ) from error
    except (TypeError, ValueError) as error:  # of the driver, about what stands there
        raise ConfigurationError(
            f"{project}: queue.store can't be used ({type(error).__name__})", "Check host, port and mongoclient_kwargs."
        ) from error
    return jobs


def _add(jobs: Jobs, doc: dict[str, Any]) -> None:
    state = str(doc.get("state"))
    jobs.states[state] += 1
    if state in _WITHOUT:
        said = str(doc.get("error") or (doc.get("remote") or {}).get("error") or "").strip() or "no reason given"
        jobs.failed[str(doc.get("name"))] = said.splitlines()[-1][:_LONGEST]
    elif state == "COMPLETED" and doc.get("run_dir"):
        folder = Path(str(doc["run_dir"]))
        if folder.is_dir():
            jobs.folders.append(folder)
        else:
            jobs.elsewhere.setdefault(str(doc.get("worker")), []).append(str(folder))


def _queue(project: Path) -> dict[str, Any]:
    remedy = "Name the project file: ~/.jfremote/NAME.yaml, or the project.yaml of exfolio export jobflow."
    try:
        if project.stat().st_size > _MAX_BYTES:
            raise ConfigurationError(f"{project} is too large for a project file", remedy)
        found = YAML(typ="safe", pure=True).load(project.read_text(encoding="utf-8"))
        store = dict(found["queue"]["store"])
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{project} can't be read: {error}", remedy) from error
    except (YAMLError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{project} is no project of jobflow-remote: {type(error).__name__}", remedy) from None
    store.setdefault("collection_name", "jobs")
    if not isinstance(store.get("database"), str) or not isinstance(store["collection_name"], str):
        raise ConfigurationError(f"{project}: queue.store names no database", remedy)
    return store


def _client(store: dict[str, Any]) -> MongoClient[dict[str, Any]]:
    further = dict(store.get("mongoclient_kwargs") or {})
    options: dict[str, Any] = {"serverSelectionTimeoutMS": _ANSWER_MILLISECONDS, **further}
    if uri := store.get("uri"):
        return MongoClient(str(uri), **options)
    if user := store.get("username"):
        options |= {"username": str(user), "password": str(store.get("password", ""))}
        options |= {"authSource": str(store.get("auth_source") or store["database"])}
    return MongoClient(str(store.get("host", "localhost")), int(store.get("port", 27017)), **options)
