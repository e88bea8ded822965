"""Energies on one scale: correction schemes of computed entries, and the forms of elements that measured ones have."""
