"""Tests of profile-service."""
