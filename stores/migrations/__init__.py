"""What makes a registry of an earlier version into one of this: numbered steps, each done once."""
