"""What the four services share; imports no service."""
