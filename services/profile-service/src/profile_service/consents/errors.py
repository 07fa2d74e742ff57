"""Problems of consents and suppressions."""

from rapport.errors import NotFound


class UnknownSuppression(NotFound):
    name, title = "unknown-suppression", "There is no such do-not-contact entry"
