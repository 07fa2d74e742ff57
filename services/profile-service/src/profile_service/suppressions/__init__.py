"""Who must not be contacted, whether or not they are known: own entries, and registries of jurisdictions."""
