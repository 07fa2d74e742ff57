"""Problems of the ledger."""

from rapport.errors import Invalid, NotFound


class UnknownLink(NotFound):
    name, title = "unknown-link", "There is no such link, or it is retracted already"


class SameIdentity(Invalid):
    name, title = "same-identity", "These are the same identifier"


class CannotSplit(Invalid):
    name, title = "cannot-split", "The profile cannot be split this way"


class UnknownCannotLink(NotFound):
    name, title = "unknown-cannot-link", "There is no such word, or it is withdrawn already"
