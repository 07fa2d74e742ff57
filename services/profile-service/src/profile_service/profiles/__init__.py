"""The customer's file: recognised from any identifier, created, read, changed, searched."""
