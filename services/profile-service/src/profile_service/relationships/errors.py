"""Problems of relationships."""

from rapport.errors import Conflict, Invalid, NotFound


class UnknownRelationship(NotFound):
    name, title = "unknown-relationship", "The profile has no such relationship, or no longer"


class InvalidRelationship(Invalid):
    name, title = "invalid-relationship", "This relationship makes no sense"


class RelationshipExists(Conflict):
    name, title = "relationship-exists", "The two are related in this way already"


class RelationshipCycle(Conflict):
    name, title = "relationship-cycle", "Somebody would come before themselves in this chain"


class HouseholdTooLarge(Conflict):
    name, title = "household-too-large", "The household would be larger than any"
