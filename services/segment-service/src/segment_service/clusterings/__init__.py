"""Groups found in the data."""
