"""Candidates: values put together, gates decided, and what was decided before taken back."""
