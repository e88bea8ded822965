"""Input for the calculations that candidates wait for: what is due, what it is worth, and folders to run it in."""
