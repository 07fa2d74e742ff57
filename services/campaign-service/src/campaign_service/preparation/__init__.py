"""A launched campaign's audience, frozen page by page with the reason each person is in or out."""
