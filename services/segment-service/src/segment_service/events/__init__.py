"""What customers did: touchpoints and whatever else interaction-service announces, with their values."""
