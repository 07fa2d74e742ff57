"""Problems with gradings."""

from rapport.errors import Invalid, NotFound


class UnknownGrading(NotFound):
    name, title = "unknown-grading", "There is no such grading"


class InvalidGrading(Invalid):
    name, title = "invalid-grading", "The grading cannot be kept"
