"""Layers: found in bulk, taken out, measured, and with other elements."""
