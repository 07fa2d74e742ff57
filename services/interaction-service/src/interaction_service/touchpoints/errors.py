"""Problems of touchpoints."""

from rapport.errors import Invalid


class NotYet(Invalid):
    """A touchpoint is something that happened."""

    name, title = "not-yet", "A touchpoint cannot lie in the future"
