"""Energies: formation, hull, exfoliation, Pourbaix."""
