"""Need groups: customers who need the same, with the evidence for each."""
