"""The registry over HTTP: OPTIMADE, what OPTIMADE has no word for, and the pages."""
