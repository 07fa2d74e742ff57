"""Problems of cases."""

from rapport.errors import Invalid, NotFound


class UnknownCase(NotFound):
    """No case has this id."""

    name, title = "unknown-case", "There is no such case"


class WhoseCase(Invalid):
    """A case belongs to one customer."""

    name, title = "whose-case", "Say whose case it is, by profile_id or by identifiers"
