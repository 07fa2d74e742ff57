"""One customer: totals, value class, lifecycle."""
