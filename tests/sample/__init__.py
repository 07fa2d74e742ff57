"""The sample data: what is sent, that it is exact, and that it arrives."""
