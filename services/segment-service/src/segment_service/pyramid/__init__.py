"""The pyramid of customers by value."""
