"""Problems of privacy requests."""

from rapport.errors import Conflict, NotFound
from rapport.privacy import Person


class UnknownRequest(NotFound):
    name, title = "unknown-privacy-request", "There is no such privacy request"


class NoExport(NotFound):
    name, title = "no-export", "This request has no export: it was of another type, or its month is over"


class NotReady(Conflict):
    name, title = "not-ready", "Some services have not answered yet"


class NothingToLift(Conflict):
    name, title = "nothing-to-lift", "Only a restriction that stands can be lifted"


class PersonChanged(Exception):
    """Since it was looked up, other identities were found to be the person's; `person` is who it is now."""

    def __init__(self, person: Person) -> None:
        super().__init__("the person changed")
        self.person = person
