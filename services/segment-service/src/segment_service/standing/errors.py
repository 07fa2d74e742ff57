"""What can be wrong with a question about one customer."""

from rapport.errors import NotFound


class UnknownProfile(NotFound):
    name, title = "unknown-profile", "No such profile is known here"
