"""OPTIMADE, whatever the provider: its answers page by page, its records, and which providers there are."""
