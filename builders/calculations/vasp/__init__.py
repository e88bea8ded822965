"""VASP: input for what is due, and results, guarded against what is no such thing."""
