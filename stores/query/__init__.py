"""The filter language and what it may ask."""
