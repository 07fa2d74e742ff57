"""Customers like given ones."""
