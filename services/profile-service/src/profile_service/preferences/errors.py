"""Problems of links that customers hold."""

from rapport.errors import NotFound


class LinkUnknown(NotFound):
    name, title = "link-unknown", "This link is not one of ours, or its time is over"
