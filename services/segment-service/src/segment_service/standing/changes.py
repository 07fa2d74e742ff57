"""Changes of customers: each one numbered, taken in turn, announced on the feed."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from rapport.database import Connection
from rapport.feed import Event, append

from segment_service.columns import changes as relations
from segment_service.columns import repository as columns
from segment_service.people import repository as people
from segment_service.standing import repository
from segment_service.standing.repository import Moved, Rules
from segment_service.unevaluated import repository as unevaluated

_EVENTS_IN_A_ROW = 1_000


async def change(
    connection: Connection,
    profiles: Collection[UUID],
    rules: Rules,
    parts: Collection[str] = (),
    *,
    causes: Mapping[UUID, Collection[str]] = {},
    version: int | None = None,
) -> None:
    """Compute `profiles` anew in the caller's transaction, in its turn; `parts` are the column files now behind.

    Segments look at them again, and at those of whom something else has changed (`causes`). `version` is the number
    of the change if it has one already.
    """
    if not profiles and not parts and not causes:
        return
    version = version or await repository.next_version(connection)
    if parts:
        await columns.mark_behind(connection, parts, version)
    if profiles:
        # Always in one order, so that nobody waits in a circle.
        ordered = sorted(profiles)
        gone = await repository.remove_empty(connection, ordered)
        await people.forget(connection, gone, version)
        moved = await repository.touch(connection, ordered, version, datetime.now(UTC), rules)
        await relations.log(connection, "customer", ordered, version)
        await announce(connection, moved)
    waiting = {profile: {unevaluated.STANDING} for profile in profiles}
    for profile, each in causes.items():
        waiting.setdefault(profile, set()).update(each)
    await unevaluated.put(connection, waiting, version)


async def notice(connection: Connection, profiles: Collection[UUID], version: int) -> None:
    """Have segments, and the column files, look again at customers who were placed anew, in the caller's turn."""
    await relations.log(connection, "customer", profiles, version)
    await unevaluated.put(connection, {profile: {unevaluated.STANDING} for profile in profiles}, version)


async def announce(connection: Connection, moved: Iterable[Moved]) -> None:
    """Put `standing.changed` on the feed for each customer, and keep what it said."""
    now = datetime.now(UTC)
    left = iter(moved)
    while some := list(islice(left, _EVENTS_IN_A_ROW)):
        await repository.log(connection, some, now)
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
