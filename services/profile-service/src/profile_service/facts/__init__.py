"""Facts with where they come from; a profile's traits are the facts that win."""
