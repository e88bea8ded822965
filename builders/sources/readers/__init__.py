"""Readers of forms of file that anybody writes, and what every reader of files does."""
