"""Where customers themselves say what they allow: a page behind a signed link, and the confirmation of one consent."""
