"""People and firms around a customer: families, households, key contacts, referrals."""
