"""Structures for a composition from known structures like it."""
