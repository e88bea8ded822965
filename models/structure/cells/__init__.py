"""Cells made of templates: their fragments, decorations and sizes, and the checks that they pass."""
