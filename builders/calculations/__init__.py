"""First-principles calculations: what is due, its input, its results."""
