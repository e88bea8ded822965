"""Crystals of a wanted composition from a generative adversarial network over point clouds."""
