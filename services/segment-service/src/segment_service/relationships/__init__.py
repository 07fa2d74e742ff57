"""Who belongs to whom, as profile-service announces it."""
