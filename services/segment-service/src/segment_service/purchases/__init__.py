"""Orders as they were reported."""
