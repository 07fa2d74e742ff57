"""Taking a person out of this service's own tables."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from rapport import feed
from rapport.database import Connection, Database
from rapport.feed import Event
from rapport.privacy import Erasing, Person, erase

from profile_service.ledger import repository as ledger
from profile_service.ledger.changes import assignment_events
from profile_service.ledger.guards import Guards
from profile_service.ledger.records import Plan
from profile_service.ledger.service import record
from profile_service.policy import Policy
from profile_service.privacy import repository
from profile_service.privacy.errors import PersonChanged
from profile_service.privacy.holdings import HOLDINGS, as_it_is, without
from profile_service.privacy.repository import Request
from profile_service.pseudonyms import Pseudonyms

REQUESTED: Final = "privacy.erasure_requested"
ERASED: Final = "privacy.erased"
_REWRITES: Final = {"identity.assigned": without, REQUESTED: as_it_is, ERASED: as_it_is}


async def person_of(connection: Connection, named: Mapping[UUID, str]) -> Person:
    """The person known by identities named with their values: all of their profiles.

    What evidence ties to somebody else as well, such as a device that two people use, is shared, unless it was named.
    """
    rows = await repository.members(connection, named)
    everything = {row["identity_id"]: row["value"] for row in rows} | dict(named)
    shared = await repository.shared_with_others(connection, everything) - named.keys()
    return Person(
        own=sorted(everything.keys() - shared),
        shared=sorted(shared),
        profiles=sorted({row[key] for row in rows for key in ("seed_profile_id", "profile_id")}),
        values=sorted({value for each, value in everything.items() if each not in shared}),
    )


async def alone(connection: Connection, person: Person) -> Person:
    """The person without what others use as well: one customer's wish does not stop what the others agreed to.

    As long as a shared identity is in the person's profile, what is the person's own stands for it.
    """
    return replace(person, shared=[], profiles=await repository.profiles_of(connection, person.own))


async def erase_here(database: Database, policy: Policy, pseudonyms: Pseudonyms, request: Request) -> dict[str, int]:
    """One round of an erasure in this service; what was taken, by table.

    The first round settles who is meant, for all services: links may have come and gone since the request.
    """
    while True:
        try:
            return await _erase(database, policy.guards, pseudonyms, request)
        except PersonChanged as changed:
            person = changed.person
            async with database.transaction() as connection:
                await repository.set_person(connection, request.request_id, person)
            request = request._replace(
                own=[*person.own], shared=[*person.shared], profiles=[*person.profiles], named=[*person.values]
            )


async def _erase(database: Database, guards: Guards, pseudonyms: Pseudonyms, request: Request) -> dict[str, int]:
    async def within(connection: Connection, person: Person) -> Mapping[str, int]:
        await _lock(connection, person)
        if request.round == 1:
            await _check_unchanged(connection, request)
        await _remember_to_leave_alone(connection, pseudonyms, person, request.request_id)
        return {"link": await _part(connection, guards, person)}

    erasing = Erasing(HOLDINGS, within, _REWRITES)
    return await erase(database, request.request_id, request.round, request.person, erasing)


async def _lock(connection: Connection, person: Person) -> None:
    """Nobody links or unlinks anything of the person until the end of the transaction."""
    await ledger.lock(connection, [*person.own, *person.shared, *person.profiles])


async def _check_unchanged(connection: Connection, request: Request) -> None:
    now = await person_of(connection, request.by)
    if (set(now.own), set(now.shared)) != (set(request.own), set(request.shared)):
        raise PersonChanged(now)


async def _remember_to_leave_alone(
    connection: Connection, pseudonyms: Pseudonyms, person: Person, request_id: UUID
) -> None:
    kinds = await repository.kinds_of(connection, person.own)
    gone = {identity: (pseudonyms.of(identity), kind) for identity, kind in kinds.items()}
    await repository.suppress(connection, gone, request_id)


async def _part(connection: Connection, guards: Guards, person: Person) -> int:
    """Take all evidence about the person out of the ledger and decide on that of others without it; how much it was.

    Shared identities stay, for the others, under profile ids of their own.
    """
    assigned = await repository.reseed(connection, person)
    if assigned:
        await feed.append(connection, list(assignment_events(datetime.now(UTC), assigned)))
    count, others = await repository.forget_links(connection, person.own)
    near = list(await ledger.profiles_of(connection, {*others, *person.shared}))
    if near:
        # What had been held back because of the person may be somebody else's alone now.
        await record(connection, guards, (), lambda _: Plan(), also=near, deep=near)
        await ledger.plan_anew(connection)
    return count


def finished(request: Request) -> Event:
    """That nothing is left of a person."""
    data = {"request_id": str(request.request_id), "profile_ids": [str(each) for each in request.profiles]}
    return Event(type=ERASED, time=datetime.now(UTC), subject=str(request.request_id), data=data)
