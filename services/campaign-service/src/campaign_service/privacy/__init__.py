"""What this service holds of a person, to be given out or erased.

Results of campaigns stay what they were: recipients, sends, answers and orders are kept under ids that nobody can lead
back to the person, one for each of theirs, made with a secret that is forgotten at once. Addresses, contents, decisions
and complaints go.
"""

from collections.abc import Mapping
from typing import Final

from fastapi import Request
from rapport.database import Connection
from rapport.errors import Conflict
from rapport.privacy import Erasing, Holding, Person, holdings_of

from campaign_service.models import Base

_IDENTITY: Final = "identity_id = md5({salt} || identity_id::text)::uuid"
_PROFILE: Final = "profile_id = md5({salt} || profile_id::text)::uuid"
_ORDER: Final = "order_id = md5({salt} || order_id)"
_THEIR_SENDS: Final = "identity_id = ANY({identities}) OR profile_id = ANY({profiles})"
_DECLARED: Final = (
    Holding(
        "attempt",
        f"detail IS NOT NULL AND send_id IN (SELECT send_id FROM send WHERE {_THEIR_SENDS})",
        keep="detail = NULL",
    ),
    Holding(
        "send",
        _THEIR_SENDS,
        keep=f"""{_IDENTITY}, {_PROFILE}, address = '', person = NULL, subject = NULL, message_id = NULL, owner = NULL,
            lease_until = NULL, reason = CASE WHEN state IN ('pending', 'leased') THEN 'erased' END,
            state = CASE WHEN state IN ('pending', 'leased') THEN 'cancelled' ELSE state END, updated_at = now()""",
        key="send_id",
    ),
    Holding("recipient", _THEIR_SENDS, keep=f"{_IDENTITY}, {_PROFILE}"),
    Holding(
        "refund",
        "order_id IN (SELECT order_id FROM purchase WHERE identity_id = ANY({identities}))",
        keep=f"{_ORDER}, message_id = md5({{salt}} || message_id)",
    ),
    Holding("purchase", keep=f"{_IDENTITY}, {_ORDER}"),
    Holding("response", keep=_IDENTITY),
    Holding("goal_event", keep=_IDENTITY),
    Holding(
        "identity_map",
        "identity_id = ANY({own})",
        keep=f"{_IDENTITY}, {_PROFILE}, seed_profile_id = md5({{salt}} || seed_profile_id::text)::uuid",
    ),
    Holding("decision", "profile_id = ANY({profiles})", key="decision_id"),
    Holding("customer_case", key="case_id"),
    Holding("unsubscribe"),
)
_IMPERSONAL: Final = frozenset({"campaign", "template", "job"})
_ON_ITS_WAY: Final = (
    "SELECT EXISTS (SELECT FROM send WHERE state = 'sending' AND (identity_id = ANY($1) OR profile_id = ANY($2)))"
)


class OnItsWay(Conflict):
    name, title = "message-on-its-way", "A message to this person is being sent at this moment; ask again"


async def _wait_for_messages(connection: Connection, person: Person) -> Mapping[str, int]:
    """A message on its way is written down with its outcome, after which nothing more is; raises `OnItsWay`."""
    if await connection.fetchval(_ON_ITS_WAY, [*person.own, *person.shared], list(person.profiles)):
        raise OnItsWay
    return {}


ERASING: Final = Erasing(holdings_of(Base.metadata, _DECLARED, _IMPERSONAL), _wait_for_messages)


def erasing_of(_: Request) -> Erasing:
    """How this service erases a person."""
    return ERASING
