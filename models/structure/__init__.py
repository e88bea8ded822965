"""What can be said of, and done to, a crystal structure."""
