"""Crystals as training data: augmented, checked, brought into a layout."""
