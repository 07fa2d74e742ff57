"""Following profile-service: which identities are one customer, and who consented."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from rapport.database import Connection
from rapport.feed import ReceivedEvent

from segment_service.columns.parts import IDENTITIES, TWINS
from segment_service.consumers import repository
from segment_service.consumers.events import Assignment, assignments, consents
from segment_service.purchases.repository import have_twins
from segment_service.standing.changes import change
from segment_service.standing.repository import Rules, profiles_of, take_turn


async def apply(connection: Connection, events: Sequence[ReceivedEvent], rules: Rules) -> None:
    """Take a batch in: the map moved on, consents kept, the profiles on either side computed anew."""
    newest = _newest(events)
    granted = [event for event in events if event.type == "consent.changed"]
    if not newest and not granted:
        return
    await take_turn(connection)
    profiles = await repository.assign(connection, newest) if newest else set()
    given = await _consents(connection, granted)
    newly = await repository.add_consents(connection, given) if given else set()
    moved = {IDENTITIES} if profiles or newly else set()
    if await have_twins(connection, [each.identity_id for each in newest]):
        moved.add(TWINS)
    await change(connection, profiles.union(await profiles_of(connection, sorted(newly))), rules, moved)


def _newest(events: Sequence[ReceivedEvent]) -> list[Assignment]:
    newest: dict[UUID, Assignment] = {}
    for event in events:
        if event.type == "identity.assigned":
            for each in assignments.decode(event.data).assignments:
                known = newest.get(each.identity_id)
                if known is None or known.version < each.version:
                    newest[each.identity_id] = each
    return [newest[identity] for identity in sorted(newest)]


async def _consents(connection: Connection, events: Sequence[ReceivedEvent]) -> dict[UUID, datetime]:
    given: dict[UUID, datetime] = {}
    for event in events:
        consent = consents.decode(event.data)
        if consent.status != "granted":
            continue
        identity = consent.identity_id
        if identity is None and consent.profile_id is not None:
            identity = await repository.identity_of(connection, consent.profile_id)
        if identity is not None:
            at = consent.at or event.time
            given[identity] = min(at, given.get(identity, at))
    return dict(sorted(given.items()))
