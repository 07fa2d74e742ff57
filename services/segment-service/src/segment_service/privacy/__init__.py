"""What this service holds of a person, to be given out or erased."""

from collections.abc import Mapping
from typing import Final

from fastapi import Request
from rapport.database import Connection
from rapport.privacy import Erasing, Holding, Person, holdings_of

from segment_service.columns import changes as relations
from segment_service.columns import repository as columns
from segment_service.columns.parts import IDENTITIES, TWINS, event_part, month_part, service_part
from segment_service.columns.relations import PERSONAL
from segment_service.influence.repository import notice_erasure
from segment_service.models import Base
from segment_service.standing import repository as standing

_DECLARED: Final = (
    Holding("identity_map", "identity_id = ANY({own})"),
    Holding("relationship", "identity_id = ANY({identities}) OR other_identity_id = ANY({identities})"),
    # Queues and bookkeeping: nothing that the person could read.
    Holding("unread_profile", "profile_id = ANY({profiles})", exported=False),
    Holding("unevaluated", "profile_id = ANY({profiles})", exported=False),
    Holding("column_change", "id = ANY({identities}) OR id = ANY({profiles})", exported=False),
)
# What the firm defines: rules over everybody.
_SCHEMES: Final = ("watched_rule", "segment", "grading", "treatment", "need_group", "clustering", "lookalike")
# `ranking` names the last customers of some classes by profile ids, until the next ranking, and nothing about them;
# `revaluation` and `influence_follow` name whom work is done up to, until it is.
_IMPERSONAL: Final = frozenset(
    {
        "churn_follow",
        "clv_fit",
        "clv_scoring",
        "influence_follow",
        "job",
        "part",
        "column_part",
        "ranking",
        "rate",
        "revaluation",
        "service_cost",
        "spend_benchmark",
        *_SCHEMES,
    }
)
_HOLDINGS: Final = holdings_of(Base.metadata, _DECLARED, _IMPERSONAL)
_MONTHS = "SELECT DISTINCT ordered_at, twin FROM purchase WHERE identity_id = ANY($1) AND ordered_at IS NOT NULL"
_SERVED = "SELECT DISTINCT month FROM contact_month WHERE identity_id = ANY($1) AND EXISTS (SELECT FROM service_cost)"
_EVENT_MONTHS = """
    SELECT DISTINCT date_trunc('month', occurred_at, 'UTC') AS occurred_at FROM event WHERE identity_id = ANY($1)
"""
_KNOWN = """
    SELECT EXISTS (SELECT FROM identity_map WHERE identity_id = ANY($1))
        OR EXISTS (SELECT FROM profile_copy WHERE profile_id = ANY($2))
"""


async def _write_columns_anew(connection: Connection, person: Person) -> Mapping[str, int]:
    """Column files that hold rows of the person are behind from now on, and written without them."""
    identities = [*person.own, *person.shared]
    await standing.take_turn(connection)
    rows = await connection.fetch(_MONTHS, identities)
    happened = await connection.fetch(_EVENT_MONTHS, identities)
    parts = {month_part(row["ordered_at"]) for row in rows}
    parts |= {service_part(row["month"]) for row in await connection.fetch(_SERVED, identities)}
    if any(row["twin"] for row in rows):
        parts.add(TWINS)
    if parts or happened or await connection.fetchval(_KNOWN, identities, list(person.profiles)):
        version = await standing.next_version(connection)
        await columns.mark_behind(connection, parts | {IDENTITIES}, version)
        months = {event_part(row["occurred_at"]) for row in happened}
        await relations.whole(connection, months | set(PERSONAL), version)
        await notice_erasure(connection, identities, version)
    return {}


ERASING: Final = Erasing(_HOLDINGS, _write_columns_anew)


def erasing_of(_: Request) -> Erasing:
    """How this service erases a person."""
    return ERASING
