"""Customer lifetime value: who is still a customer, how often they will buy, and what that is worth."""
