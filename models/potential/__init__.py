"""Energies, forces and relaxations by a universal interatomic potential."""
