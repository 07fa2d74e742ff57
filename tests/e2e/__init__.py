"""The four services together, as processes, on one PostgreSQL."""
