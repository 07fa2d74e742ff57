"""Problems with look-alikes."""

from rapport.errors import NotFound


class UnknownLookalike(NotFound):
    name, title = "unknown-lookalike", "There is no such look-alike"
