"""Problems that several features raise."""

from rapport.errors import NotFound


class UnknownProfile(NotFound):
    name, title = "unknown-profile", "No profile has or had this id"
