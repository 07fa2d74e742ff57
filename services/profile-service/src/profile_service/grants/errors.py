"""Problems of grants."""

from rapport.errors import Forbidden, Invalid, NotFound


class NoGrant(Forbidden):
    name, title = "no-grant", "The owner of these records has not let this customer use them, or no longer"


class UnknownGrant(NotFound):
    name, title = "unknown-grant", "The profile has given no such grant, or has revoked it"


class InvalidGrant(Invalid):
    name, title = "invalid-grant", "This grant makes no sense"
