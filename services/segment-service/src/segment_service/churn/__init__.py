"""The churn file: when customers were lost, why, what was done to win them back, and whether it worked."""
