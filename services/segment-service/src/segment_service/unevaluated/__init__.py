"""Profiles of which something has changed that a rule can read."""
