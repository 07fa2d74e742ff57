"""Duplicates among people: records in, pairs with probability and weights out. Needs no service and no database."""
