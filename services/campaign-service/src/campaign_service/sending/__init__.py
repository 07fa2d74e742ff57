"""Messages on their way: leased, tried, settled; at most one for each person and step."""
