"""Layers: taken out of bulk, measured, stacked, and with other elements."""
