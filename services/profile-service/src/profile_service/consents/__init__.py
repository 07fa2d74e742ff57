"""May we: consent per channel and purpose with its history, and do-not-contact entries."""
