"""Finding customers by name, also misspelt, by e-mail address and by the digits of a phone number."""
