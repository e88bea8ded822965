"""Readers of files that hold known materials, one module per kind of file."""
