"""The link ledger and the view over it: evidence that identities are one customer, and the profiles that follow."""
