"""Releases: the registry of a day, frozen into files that can be cited, compared and checked."""
