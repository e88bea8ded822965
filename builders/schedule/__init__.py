"""When what is refreshed."""
