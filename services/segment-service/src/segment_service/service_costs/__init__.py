"""What contacts and tasks cost: the cost to serve a customer."""
