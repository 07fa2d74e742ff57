"""Problems of do-not-contact entries."""

from rapport.errors import Invalid, NotFound


class UnknownSuppression(NotFound):
    name, title = "unknown-suppression", "There is no such do-not-contact entry"


class UnknownRegister(NotFound):
    name, title = "unknown-registry", "There is no such do-not-call registry"


class UnreadableList(Invalid):
    name, title = "unreadable-list", "The list cannot be read"
