"""Space groups and lattices: found in structures, and predicted for compositions."""
