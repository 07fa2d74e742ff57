"""Problems with need groups."""

from rapport.errors import NotFound


class UnknownNeedGroup(NotFound):
    name, title = "unknown-need-group", "There is no such need group"
