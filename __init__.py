"""exfolio: a database of known materials and a registry of candidate ones.

Where things are
----------------
cli       the ``exfolio`` command
builders  stages: read a store, call a model, write a store
models    the science: pure functions, no database, no files of the user
stores    MongoDB: settings, server, documents, revisions, runs, queries

From a notebook
---------------
>>> from exfolio import query                                              # doctest: +SKIP
>>> found = query("candidates", 'elements HAS "Mo" AND status = "promoted"')  # doctest: +SKIP
>>> found.to_pandas()                                                      # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .builders.reports.notebook import funnel, why
    from .stores.connection import connect
    from .stores.python_api import Documents, query

__version__ = "0.1.0"
__all__ = ["Documents", "__version__", "connect", "funnel", "query", "why"]

_HOME = {
    "Documents": ".stores.python_api",
    "connect": ".stores.connection",
    "funnel": ".builders.reports.notebook",
    "query": ".stores.python_api",
    "why": ".builders.reports.notebook",
}


def __getattr__(name: str) -> Any:
    # Imported when asked for: `import exfolio` alone loads no driver.
    if name in _HOME:
        return getattr(import_module(_HOME[name], __name__), name)
    raise AttributeError(f"module 'exfolio' has no attribute {name!r}")
