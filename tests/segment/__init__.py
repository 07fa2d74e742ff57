"""Tests of segment-service."""
