"""Stages that a customer went through, and goes through."""
