"""Campaigns: written, launched, paused, stopped."""
