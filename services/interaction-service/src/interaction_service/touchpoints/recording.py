"""Storing touchpoints: the one way in, whoever brings them."""

from collections.abc import Sequence
from uuid import UUID

from rapport.database import Connection
from rapport.feed import Event, append

from interaction_service.touchpoints import repository
from interaction_service.touchpoints.intake import Intake

RECORDED = "touchpoint.recorded"


async def record(connection: Connection, intakes: Sequence[Intake]) -> dict[UUID, UUID]:
    """Store what is new in the caller's transaction and announce it; the id behind every key if some were told before.

    The months must have partitions (`Partitions.ensure`).
    """
    # Within one call the first of several with the same key counts.
    own = {intake.key: intake.touchpoint.touchpoint_id for intake in reversed(intakes) if intake.key}
    taken = await repository.claim(connection, own, intakes[0].touchpoint.received_at) if own else {}
    fresh = [
        intake
        for intake in intakes
        if intake.key is None
        or (own[intake.key] == intake.touchpoint.touchpoint_id and (not taken or intake.key not in taken))
    ]
    if fresh:
        await repository.insert(connection, fresh)
        await append(
            connection,
            [
                Event(RECORDED, intake.touchpoint.received_at, intake.touchpoint, intake.touchpoint.touchpoint_id)
                for intake in fresh
            ],
        )
    return {**{key: UUID(own[key]) for key in own}, **taken} if len(fresh) < len(intakes) else {}
