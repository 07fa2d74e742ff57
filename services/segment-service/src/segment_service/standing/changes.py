"""Changes of customers: each one numbered, taken in turn, announced on the feed."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from rapport.database import Connection
from rapport.feed import Event, append

from segment_service.columns import repository as columns
from segment_service.standing import repository
from segment_service.standing.repository import Moved, Rules

_EVENTS_IN_A_ROW = 1_000


async def change(connection: Connection, profiles: Collection[UUID], rules: Rules, parts: Collection[str] = ()) -> None:
    """Compute `profiles` anew in the caller's transaction, in its turn; `parts` are the column files now behind."""
    if not profiles and not parts:
        return
    version = await repository.next_version(connection)
    if parts:
        await columns.mark_behind(connection, parts, version)
    if profiles:
        # Always in one order, so that nobody waits in a circle.
        ordered = sorted(profiles)
        await repository.remove_empty(connection, ordered)
        moved = await repository.touch(connection, ordered, version, datetime.now(UTC), rules)
        await announce(connection, moved)


async def announce(connection: Connection, moved: Iterable[Moved]) -> None:
    """Put `standing.changed` on the feed for each customer."""
    now = datetime.now(UTC)
    left = iter(moved)
    while some := list(islice(left, _EVENTS_IN_A_ROW)):
        await append(
            connection,
            [
                Event(
                    type="standing.changed",
                    time=now,
                    subject=str(each.profile_id),
                    data={
                        "profile_id": each.profile_id,
                        "value_class": each.value_class,
                        "lifecycle": each.lifecycle,
                    },
                )
                for each in some
            ],
        )
