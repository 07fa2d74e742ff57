"""What can be wrong with rates."""

from rapport.errors import Invalid, NotFound


class UnknownCurrency(NotFound):
    name, title = "unknown-currency", "There are no rates of this currency"


class InvalidRates(Invalid):
    name, title = "invalid-rates", "The rates cannot be kept"
