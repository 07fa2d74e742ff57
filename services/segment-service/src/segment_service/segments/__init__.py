"""Segments: rules with a name, whose members are kept up to date."""
