"""Customers who bring others: the value of referrals down the chain."""
