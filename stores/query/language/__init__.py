"""The filter language: fields, grammar, and what a condition comes to in MongoDB."""
