"""What can be said from a formula alone."""
