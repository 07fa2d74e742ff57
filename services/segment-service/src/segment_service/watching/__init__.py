"""Keeping the answers of rules up to date: whoever changes is asked again, and everybody when a rule is new."""
