"""What this service does with the feeds it follows."""
