"""Operators' word on who is one customer: link, unlink, split, and the ledger to read."""
