"""Rates of other currencies, by date."""
