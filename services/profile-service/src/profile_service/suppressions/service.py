"""Keeping anybody from contacting an identifier, known or not."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
from rapport import feed
from rapport.database import Connection
from rapport.errors import Invalid
from rapport.feed import Event
from rapport.identity import Identifier, identity_id

from profile_service.pseudonyms import Pseudonyms
from profile_service.suppressions import repository, rules
from profile_service.suppressions.errors import UnknownRegister, UnknownSuppression, UnreadableList
from profile_service.suppressions.schemas import RegistrySpec, SuppressionBody


async def suppress(connection: Connection, identifier: Identifier, body: SuppressionBody) -> asyncpg.Record:
    """Keep anybody from contacting an identifier, whether or not it belongs to somebody known."""
    row = await repository.suppress(connection, identifier, body)
    if row["is_new"]:
        await _tell(connection, "suppression.added", row)
    return row


async def lift(connection: Connection, suppression_id: UUID) -> None:
    """Remove a do-not-contact entry; raises `UnknownSuppression`."""
    row = await repository.lift(connection, suppression_id)
    if row is None:
        raise UnknownSuppression(f"There is no entry {suppression_id}.")
    if not row["hashed"]:
        await _tell(connection, "suppression.removed", row)


async def listed(
    connection: Connection, pseudonyms: Pseudonyms, identifier: Identifier | None, before: UUID | None, limit: int
) -> list[asyncpg.Record]:
    """Do-not-contact entries, newest first."""
    if identifier is None:
        return await repository.page(connection, None, None, before, limit)
    identity = identity_id(identifier.kind, identifier.value)
    return await repository.page(connection, identity, pseudonyms.of(identity), before, limit)


async def take_registry(
    connection: Connection, pseudonyms: Pseudonyms, spec: RegistrySpec, content: bytes, by: str
) -> rules.Numbers:
    """Take over a registry, whose numbers are kept as keyed hashes alone; raises `UnreadableList` or `Invalid`."""
    country = spec.jurisdiction[:2]
    try:
        numbers = await asyncio.to_thread(rules.read, content, spec.kind, spec.column, country, spec.expires_at)
    except rules.NoSuchColumn as error:
        raise Invalid(str(error), errors=[{"pointer": "/spec/column", "detail": str(error)}]) from error
    except rules.TooLong as error:
        raise UnreadableList(str(error), errors=[{"pointer": "/file", "detail": str(error)}]) from error
    await repository.keep_registry(connection, spec, by)
    digests = {pseudonyms.of(identity): ends for identity, ends in sorted(numbers.found.items())}
    await repository.add_entries(connection, spec, uuid4(), digests)
    return numbers


async def registries(connection: Connection) -> list[asyncpg.Record]:
    """All registries."""
    return await repository.registries(connection)


async def drop_registry(connection: Connection, registry: str) -> None:
    """Remove a registry; raises `UnknownRegister`."""
    if not await repository.drop_registry(connection, registry):
        raise UnknownRegister(f"There is no registry {registry}.")


async def _tell(connection: Connection, name: str, row: asyncpg.Record) -> None:
    data = {"identity_id": str(row["identity_id"]), "channel": row["channel"]}
    await feed.append(connection, [Event(type=name, time=datetime.now(UTC), subject=data["identity_id"], data=data)])
