"""Figures and diagrams of what the registry holds."""
