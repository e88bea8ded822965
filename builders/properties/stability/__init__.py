"""Dynamic and elastic stability by potentials."""
