"""How stages are run: in which order, here or on several processes, and how they stop."""
