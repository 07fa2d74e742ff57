"""Loyalty to the firm and to each product line."""
