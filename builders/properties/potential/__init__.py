"""Potentials in the registry: energies and relaxations of known and proposed structures, and what they mean."""
