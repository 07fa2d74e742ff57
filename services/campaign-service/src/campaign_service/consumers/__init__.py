"""What this service does with the other services' feeds."""
