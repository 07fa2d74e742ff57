"""How customers are scored by recency, frequency and money, and the named groups of the scores."""
