"""Share of customer: what they buy here of all that they buy."""
