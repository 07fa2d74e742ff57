"""What can be wrong with costs of contacts."""

from rapport.errors import Invalid, NotFound


class UnknownChannel(NotFound):
    name, title = "unknown-channel", "No costs are known of this channel"


class InvalidCosts(Invalid):
    name, title = "invalid-costs", "The costs cannot be kept"
