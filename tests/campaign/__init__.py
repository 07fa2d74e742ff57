"""Tests of campaign-service."""
