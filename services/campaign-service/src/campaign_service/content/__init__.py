"""What a message says: templates, their languages, and how they become text for one person."""
