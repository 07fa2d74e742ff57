"""Copies of what profile-service knows of people and firms."""
