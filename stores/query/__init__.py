"""Questions to the registry: search, counts, changes, and where a document comes from."""
