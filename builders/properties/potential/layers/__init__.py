"""Exfoliation energies by potentials: of layers against bulk or stack, their errors, and the intervals these leave."""
