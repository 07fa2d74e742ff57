"""Who moved between value classes from one date to another."""
