"""What was in each order, line by line."""
