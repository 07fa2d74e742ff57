"""Lists in bulk: read as they come, every row checked, taken in with their source and what they may be used for."""
