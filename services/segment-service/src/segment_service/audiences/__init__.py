"""Customers that a rule describes."""
