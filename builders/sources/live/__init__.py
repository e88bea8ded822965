"""The stage that pulls services, and what it notes of their records."""
