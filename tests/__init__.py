"""The tests, a package per service."""
