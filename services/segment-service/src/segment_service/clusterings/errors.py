"""Problems with clusterings."""

from rapport.errors import NotFound


class UnknownClustering(NotFound):
    name, title = "unknown-clustering", "There is no such clustering"


class UnknownGroup(NotFound):
    name, title = "unknown-group", "The clustering has no such group"
