"""What a campaign brought about, with how sure that is."""
