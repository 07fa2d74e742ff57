"""What can be wrong with what is said of a customer's spending."""

from rapport.errors import Invalid, NotFound


class UnknownCompetitor(NotFound):
    name, title = "unknown-competitor", "No such competitor is known to serve this customer"


class InvalidAmount(Invalid):
    name, title = "invalid-amount", "The amount cannot be kept"
