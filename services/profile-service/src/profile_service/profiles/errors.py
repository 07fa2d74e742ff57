"""Problems of the profiles' own."""

from collections.abc import Sequence
from typing import Any

from rapport.errors import Conflict, Invalid, NotFound


class NobodyKnown(NotFound):
    name, title = "unknown-identifiers", "No profile is known by these identifiers"


class IdentifierTaken(Conflict):
    name, title = "identifier-taken", "An identifier belongs to another profile already"

    def __init__(self, profile_id: str, taken: Sequence[dict[str, Any]]) -> None:
        super().__init__(
            f"Profile {profile_id} has it; read or change that one, or link the two.",
            profile_id=profile_id,
            taken=list(taken),
        )


class NotOneCustomer(Invalid):
    name, title = "not-one-customer", "These identifiers cannot belong to one customer"
