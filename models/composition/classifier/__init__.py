"""Two-dimensional or not, by composition: boosted trees over Magpie features."""
