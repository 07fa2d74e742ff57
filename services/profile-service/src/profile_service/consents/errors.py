"""Problems of consents."""

from rapport.errors import NotFound


class UnknownOptIn(NotFound):
    name, title = "unknown-confirmation", "This confirmation is not, or no longer, one of ours"
