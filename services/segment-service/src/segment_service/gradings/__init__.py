"""Grading schemes that the firm defines."""
