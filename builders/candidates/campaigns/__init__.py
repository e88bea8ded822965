"""Campaigns: what their files may say, the routes and gates they name, and those that are shipped."""
