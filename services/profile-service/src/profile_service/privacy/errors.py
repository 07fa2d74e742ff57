"""Problems of privacy requests."""

from rapport.errors import Conflict, NotFound


class UnknownRequest(NotFound):
    name, title = "unknown-privacy-request", "There is no such privacy request"


class NoExport(NotFound):
    name, title = "no-export", "This request has no export: it was of another type, or its month is over"


class NotReady(Conflict):
    name, title = "not-ready", "Some services have not answered yet"


class NothingToLift(Conflict):
    name, title = "nothing-to-lift", "Only a restriction that stands can be lifted"


class PersonGrew(Exception):
    """Since it was looked up, more was found to belong to the person: to be looked up again."""
