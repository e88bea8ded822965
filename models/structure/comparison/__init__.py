"""Whether two structures are the same, and which prototype they have."""
