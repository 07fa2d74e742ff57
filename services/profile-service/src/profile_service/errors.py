"""Problems that several features raise."""

from rapport.errors import NotFound


class UnknownProfile(NotFound):
    name, title = "unknown-profile", "No profile goes or went by this id"
