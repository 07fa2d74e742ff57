"""Defining attributes, and holding values against their definitions."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from fastapi import Request
from rapport import feed
from rapport.concurrency import check_if_match
from rapport.database import Connection
from rapport.errors import Stale
from rapport.feed import Event

from profile_service.attributes import repository
from profile_service.attributes.errors import (
    AttributeInUse,
    AttributesNested,
    InvalidSchema,
    NotSearchable,
    UnknownAttribute,
)
from profile_service.attributes.rules import (
    RESERVED,
    Attribute,
    Catalogue,
    SchemaFault,
    as_number,
    check_schema,
    fits,
    paths_of,
)
from profile_service.attributes.schemas import AttributeBody
from profile_service.facts.traits import InvalidTrait
from profile_service.ledger.repository import Reader

Found = tuple[int, int]


async def get(connection: Reader, key: str, *, hold: bool = False) -> Attribute:
    """The attribute, to `hold` as it is until the transaction ends if values are to be written; raises
    `UnknownAttribute`."""
    found = (await repository.of(connection, [key], hold=hold)).get(key)
    if found is None:
        raise UnknownAttribute(f"There is no attribute {key}.")
    return found


async def put(
    connection: Connection, key: str, body: AttributeBody, by: str, request: Request
) -> tuple[Attribute, Attribute | None, Found]:
    """Define an attribute; it, what it was before, and how many values are kept under it and do not fit.

    Raises `InvalidSchema`, `Stale`, `AttributesNested` or `AttributeInUse`.
    """
    _check(key, body)
    await repository.lock(connection, key)
    before = (await repository.of(connection, [key])).get(key)
    _check_version(request, before)
    if before is None and (kin := await repository.kin(connection, key)):
        raise AttributesNested(f"{kin} is defined already; parts of one value are described by one schema.")
    after = before if before is not None and _same(before, body) else await _write(connection, key, body, by)
    found = await _found(connection, after)
    if found[0] and after.repeating is not (before.repeating if before else False):
        raise AttributeInUse(f"{found[0]} values are kept under {key}; use another key.")
    if after.searchable is not (before.searchable if before else False):
        await repository.index(connection, key, searchable=after.searchable)
    if after is not before:
        await feed.append(connection, [_event(after)])
    return after, before, found


async def remove(connection: Connection, key: str, request: Request) -> None:
    """Undefine an attribute; its values stay, and what was personal is so until it is defined anew. Raises
    `UnknownAttribute`, `AttributeInUse` for one with records, or `Stale`."""
    await repository.lock(connection, key)
    attribute = await get(connection, key)
    _check_version(request, attribute)
    if attribute.repeating and (await _found(connection, attribute))[0]:
        raise AttributeInUse(f"There are records of {key}; delete them first.")
    await repository.remove(connection, key)
    await repository.index(connection, key, searchable=False)
    await feed.append(connection, [_event(attribute, gone=True)])


async def catalogue(connection: Connection, *several: Mapping[str, Any]) -> Catalogue:
    """What is defined for the values in these traits, nested or by dotted key."""
    keys = {path for traits in several for path in paths_of(traits) if path.isascii() and path.isprintable()}
    return Catalogue(await repository.of(connection, keys))


def sort_out(found: Catalogue, traits: Mapping[str, Any]) -> tuple[dict[str, Any], list[InvalidTrait]]:
    """Traits by dotted key that fit what is defined, and what is wrong with the others."""
    valid: dict[str, Any] = {}
    invalid: list[InvalidTrait] = []
    for key, value in traits.items():
        try:
            found.check(key, value)
        except InvalidTrait as error:
            invalid.append(error)
        else:
            valid[key] = value
    return valid, invalid


async def searchable(connection: Connection, path: str) -> Attribute:
    """The searchable attribute that `path` is or lies within; raises `NotSearchable`."""
    defined = await repository.of(connection, set(paths_of({path: None})) if path.isascii() else ())
    for attribute in defined.values():
        if attribute.searchable:
            return attribute
    detail = f"Name an attribute that is searchable; PUT /v1/attributes/{next(iter(defined), '...')} can make it so."
    raise NotSearchable(detail, errors=[{"pointer": "/attribute", "detail": detail}])


async def holders(connection: Connection, path: str, value: str, after: UUID | None, limit: int) -> list[UUID]:
    """Profiles of which some fact or record has `value` at a searchable path, in the order of their ids."""
    return await repository.holders(connection, path, value, as_number(value), after, limit)


def _event(attribute: Attribute, *, gone: bool = False) -> Event:
    """That the values which count, or who may see them, may have changed for everybody."""
    version = None if gone else attribute.version
    data = {"key": attribute.key, "version": version, "personal": attribute.personal}
    return Event(type="attribute.changed", time=datetime.now(UTC), subject=attribute.key, data=data)


def _check(key: str, body: AttributeBody) -> None:
    if key in RESERVED:
        raise InvalidSchema(f"{key} is made of the product's own traits; define them or a key of your own.")
    try:
        check_schema(body.definition)
    except SchemaFault as fault:
        errors = [{"pointer": "/schema" + fault.pointer, "detail": fault.detail}]
        raise InvalidSchema(f"/schema{fault.pointer}: {fault.detail}", errors=errors) from fault


def _check_version(request: Request, before: Attribute | None) -> None:
    if before is not None:
        check_if_match(request, before.version)
    elif request.headers.get("if-match") is not None:
        raise Stale("The attribute is not defined, or no longer.")


def _same(before: Attribute, body: AttributeBody) -> bool:
    ranking = None if body.survivorship is None else body.survivorship.model_dump()
    known = None if before.survivorship is None else msgspec.to_builtins(before.survivorship)
    return (before.schema, before.label, before.repeating, before.personal, before.searchable, known) == (
        body.definition,
        body.label,
        body.repeating,
        body.personal,
        body.searchable,
        ranking,
    )


async def _write(connection: Connection, key: str, body: AttributeBody, by: str) -> Attribute:
    return await repository.put(
        connection,
        key,
        body.definition,
        body.label,
        repeating=body.repeating,
        personal=body.personal,
        searchable=body.searchable,
        survivorship=None if body.survivorship is None else body.survivorship.model_dump(),
        by=by,
    )


async def _found(connection: Connection, attribute: Attribute) -> Found:
    total = unfit = 0
    async for value, times in repository.values(connection, attribute.key):
        total += times
        unfit += 0 if fits(attribute.encoded, value) else times
    return total, unfit
