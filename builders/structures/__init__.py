"""Proposed structures: top-down, by substitution, from templates, from a crystal generator; and what of them is new."""
