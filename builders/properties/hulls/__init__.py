"""Distances to hulls of calculated and of known energies, and what keeps them from being the true ones."""
