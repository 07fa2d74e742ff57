"""What to do next for one customer, and the record of why."""
