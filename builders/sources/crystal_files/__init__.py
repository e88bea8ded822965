"""CIF and POSCAR: their texts, and the crystals that they state."""
