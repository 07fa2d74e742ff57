"""What this service holds of a person, to be given out or erased."""

from typing import Final

from fastapi import Request
from rapport.database import Connection
from rapport.privacy import Erasing, Holding, Person, holdings_of

from interaction_service.models import Base

_THEIR_CONVERSATIONS: Final = "SELECT conversation_id FROM conversation WHERE identity_id = ANY({identities})"
_DECLARED: Final = (
    Holding("conversation_message", f"conversation_id IN ({_THEIR_CONVERSATIONS})", key="message_id"),
    Holding(
        "customer_case",
        f"identity_id = ANY({{identities}}) OR conversation_id IN ({_THEIR_CONVERSATIONS})",
        key="case_id",
    ),
    Holding("conversation", key="conversation_id"),
    Holding("identity_map", "identity_id = ANY({own})"),
)
# Hashes of message ids stay for their time: a message that an SDK sends once more after the erasure must not count.
_IMPERSONAL: Final = frozenset({"collected_message"})

# A conversation may be known by somebody who was taken to be its customer at the time.
_KNOWN_BY: Final = "UPDATE conversation SET known_by = '{}' WHERE known_by && $1::uuid[]"


async def _forget_names(connection: Connection, person: Person) -> dict[str, int]:
    await connection.execute(_KNOWN_BY, [*person.own, *person.profiles])
    return {}


ERASING: Final = Erasing(holdings_of(Base.metadata, _DECLARED, _IMPERSONAL), _forget_names)


def erasing_of(_: Request) -> Erasing:
    """How this service erases a person."""
    return ERASING
