"""The collections: one mongoengine Document per module."""
