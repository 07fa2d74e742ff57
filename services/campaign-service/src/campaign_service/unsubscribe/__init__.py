"""The link in every message by which its reader is left alone."""
