"""Problems that several features answer with."""

from rapport.errors import Invalid, NotFound


class UnknownProfile(NotFound):
    """No profile has, or ever had, this id."""

    name, title = "unknown-profile", "There is no such profile"


class IdentifiersInvalid(Invalid):
    """Identifiers that no canonical form exists for."""

    name, title = "invalid-identifiers", "Some identifiers are not valid"
