"""Problems with segments."""

from rapport.errors import Conflict, Invalid, NotFound


class UnknownSegment(NotFound):
    name, title = "unknown-segment", "There is no such segment"


class SegmentInUse(Conflict):
    name, title = "segment-in-use", "Other segments refer to this one"


class NotAList(Conflict):
    name, title = "not-a-list", "The members of this segment follow from its rule"


class InvalidSegment(Invalid):
    name, title = "invalid-segment", "The segment cannot be kept"
