"""VASP results: found in folders, guarded against what is no such thing, and parsed."""
