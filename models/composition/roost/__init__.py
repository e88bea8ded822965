"""Roost: formation energies from compositions by message passing between elements."""
