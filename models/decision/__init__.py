"""Decisions: how likely a candidate passes, what a calculation costs, and which one is worth it."""
