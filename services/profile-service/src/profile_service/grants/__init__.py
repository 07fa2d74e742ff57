"""Permission to use another customer's records, as when a gift has to fit."""
