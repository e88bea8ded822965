"""Backups: the whole database of one moment as files, restored into an empty one and proven equal."""
