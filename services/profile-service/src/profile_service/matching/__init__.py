"""Duplicates without a common identifier: found by probability, linked or offered for review."""
