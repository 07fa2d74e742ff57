"""Problems of records."""

from rapport.errors import Conflict, NotFound


class UnknownRecord(NotFound):
    name, title = "unknown-record", "The profile has no such record, or no longer"


class NotRepeating(Conflict):
    name, title = "not-repeating", "The attribute has one value, in traits, and no records"
