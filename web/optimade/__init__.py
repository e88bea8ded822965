"""The registry as an OPTIMADE provider, by optimade-python-tools on the same database."""
