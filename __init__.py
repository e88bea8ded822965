"""exfolio: a database of known materials and a registry of candidate ones.

Where things are
----------------
cli       the ``exfolio`` command
builders  stages: read a store, call a model, write a store
models    the science: pure functions, no database, no files of the user
stores    MongoDB: settings, server, documents, revisions, runs, queries
"""

__version__ = "0.1.0"
