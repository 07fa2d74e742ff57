"""The purchases on columns, for questions about everybody."""
