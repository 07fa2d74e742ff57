"""Groups found in the data and customers like given ones; pure calculations, run in a process of their own."""
