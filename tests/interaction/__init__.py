"""Tests of interaction-service."""
