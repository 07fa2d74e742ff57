"""Problems of facts."""

from rapport.errors import NotFound


class UnknownFact(NotFound):
    name, title = "unknown-fact", "The profile has no such fact"
