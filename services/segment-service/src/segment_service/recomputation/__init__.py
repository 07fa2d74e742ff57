"""Ranking everybody anew."""
