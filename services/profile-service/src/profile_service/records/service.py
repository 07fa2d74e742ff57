"""Keeping records of a customer, correcting them with the history kept, and reading them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import Request
from rapport import feed
from rapport.concurrency import check_if_match
from rapport.database import Connection
from rapport.errors import Invalid
from rapport.feed import Event

from profile_service.attributes.rules import Attribute
from profile_service.attributes.service import get
from profile_service.errors import UnknownProfile
from profile_service.facts.traits import check_json
from profile_service.ledger import repository as ledger
from profile_service.ledger.records import IdentityRow
from profile_service.ledger.repository import Reader
from profile_service.records import repository
from profile_service.records.errors import NotRepeating, UnknownRecord
from profile_service.records.repository import Content, Record, State
from profile_service.records.schemas import CorrectionBody, RecordBody


async def attribute_of(connection: Reader, key: str, *, hold: bool = False) -> Attribute:
    """The repeating attribute; raises `UnknownAttribute` or `NotRepeating`.

    What is to be written has to `hold` it until the transaction ends, so that it changes before or after.
    """
    attribute = await get(connection, key, hold=hold)
    if not attribute.repeating:
        raise NotRepeating(f'{key} has one value; read it in traits, or define it as "repeating" under another key.')
    return attribute


async def add(connection: Connection, profile_id: UUID, attribute: Attribute, body: RecordBody, by: str) -> Record:
    """Keep a record with the identity that brought this profile id; raises `UnknownProfile` or `Invalid`."""
    members = await members_of(connection, profile_id)
    _check(attribute, body.value)
    owner = next(each for each in members if each.seed_profile_id == profile_id)
    content = Content(body.value, body.observed_at or datetime.now(UTC), body.expires_at, body.source)
    added = await repository.add(
        connection, owner.identity_id, attribute.key, content, by, searchable=attribute.searchable
    )
    await _announce(connection, members, added, "added")
    return added


async def correct(
    connection: Connection,
    profile_id: UUID,
    attribute: Attribute,
    record_id: UUID,
    body: CorrectionBody,
    by: str,
    request: Request,
) -> Record:
    """The record as it should have been, as its next version; the same again changes nothing.

    Raises `UnknownProfile`, `UnknownRecord`, `Stale` or `Invalid`.
    """
    members = await members_of(connection, profile_id)
    before = await _live(connection, members, attribute.key, record_id, lock=True)
    check_if_match(request, before.version)
    _check(attribute, body.value)
    content = Content(
        body.value,
        body.observed_at or before.observed_at,
        body.expires_at if "expires_at" in body.model_fields_set else before.expires_at,
        body.source or before.source,
    )
    if content == before.content:
        return before
    after = await repository.change(
        connection, record_id, content, body.reason, by, deleted=False, searchable=attribute.searchable
    )
    await _announce(connection, members, after, "corrected")
    return after


async def delete(
    connection: Connection, profile_id: UUID, key: str, record_id: UUID, reason: str | None, by: str, request: Request
) -> None:
    """Delete a record; its versions stay. Raises `UnknownProfile`, `UnknownRecord` or `Stale`."""
    members = await members_of(connection, profile_id)
    before = await _live(connection, members, key, record_id, lock=True)
    check_if_match(request, before.version)
    after = await repository.change(connection, record_id, before.content, reason, by, deleted=True, searchable=False)
    await _announce(connection, members, after, "deleted")


async def read(connection: Connection, profile_id: UUID, key: str, record_id: UUID) -> Record:
    """One record; raises `UnknownProfile` or `UnknownRecord`, also when it is deleted."""
    return await _live(connection, await members_of(connection, profile_id), key, record_id)


async def versions(
    connection: Connection, profile_id: UUID, key: str, record_id: UUID, before: int | None, limit: int
) -> Sequence[State]:
    """What a record says and said, newest first; also of one deleted. Raises `UnknownProfile` or `UnknownRecord`."""
    members = await members_of(connection, profile_id)
    if await repository.one(connection, [each.identity_id for each in members], key, record_id) is None:
        raise UnknownRecord(f"Profile {profile_id} has no record {record_id} of {key}.")
    return await repository.versions(connection, record_id, before, limit)


async def members_of(connection: Reader, profile_id: UUID) -> list[IdentityRow]:
    """Identities of the profile; raises `UnknownProfile`."""
    members = (await ledger.members_of(connection, [profile_id])).get(profile_id)
    if not members:
        raise UnknownProfile(f"There is no profile {profile_id}.")
    return members


async def _live(
    connection: Connection, members: Sequence[IdentityRow], key: str, record_id: UUID, *, lock: bool = False
) -> Record:
    found = await repository.one(connection, [each.identity_id for each in members], key, record_id, lock=lock)
    if found is None or found.deleted:
        raise UnknownRecord(f"There is no record {record_id} of {key}; versions of a deleted one stay readable.")
    return found


def _check(attribute: Attribute, value: Any) -> None:
    try:
        check_json(value)
    except ValueError as error:
        raise Invalid(f"/value: {error}", errors=[{"pointer": "/value", "detail": str(error)}]) from error
    errors = [{"pointer": "/value" + pointer, "detail": detail} for pointer, detail in attribute.faults(value)]
    if errors:
        raise Invalid("; ".join(f"{each['pointer']}: {each['detail']}" for each in errors), errors=errors)


async def _announce(
    connection: Connection,
    members: Sequence[IdentityRow],
    record: Record,
    change: Literal["added", "corrected", "deleted"],
) -> None:
    profile_id = str(members[0].profile_id)
    what = {"key": record.key, "record_id": str(record.record_id), "version": record.version, "change": change}
    data = {"profile_id": profile_id, "keys": [record.key], "records": [what]}
    event = Event(type="profile.updated", time=datetime.now(UTC), subject=profile_id, data=data)
    await feed.append(connection, [event])
