"""What this service does with the feeds of others."""
