"""Taking in what SDKs send: read within bounds, checked as a whole, stored once, acknowledged when committed."""

import asyncio
import base64
import binascii
from datetime import UTC, datetime

import msgspec
from fastapi import Request
from rapport.auth import principal_of
from rapport.database import Database, database_of
from rapport.errors import Unauthorized
from rapport.tokens import Principal, TokenVerifier

from interaction_service.collector import body as bodies
from interaction_service.collector import messages
from interaction_service.collector.errors import Late, MayNotCollect, Unreadable, WriteKeyNeeded
from interaction_service.collector.gate import Gate
from interaction_service.collector.intake import Call, intakes
from interaction_service.settings import InteractionSettings
from interaction_service.touchpoints.intake import Intake
from interaction_service.touchpoints.partitions import Partitions
from interaction_service.touchpoints.recording import record

SCOPE = "collect"


async def collect(request: Request, type_: str | None) -> None:
    """Store the messages of one call, all or none; `type_` is None for a batch. Raises problems."""
    gate: Gate = request.app.state.gate
    settings: InteractionSettings = request.app.state.settings
    received_at = datetime.now(UTC)
    principal = _from_headers(request)
    async with gate.admitted(bodies.BATCH_BYTES):
        body = bodies.checked(await _read(request, settings.collector_body_seconds))
        principal = principal or _from_body(request, body)
        if not principal.may(SCOPE):
            raise MayNotCollect
        found = intakes(Call(body, type_, principal.subject, received_at, settings.default_country))
        if found:
            async with gate.writers:
                await _store(database_of(request), request.app.state.partitions, found)


async def _read(request: Request, seconds: float) -> bytes:
    # A place at the gate is held meanwhile: callers that never finish would keep all others out.
    try:
        async with asyncio.timeout(seconds):
            return await bodies.read(request)
    except TimeoutError as error:
        raise Late(seconds) from error


async def _store(database: Database, partitions: Partitions, found: list[Intake]) -> None:
    await partitions.ensure(intake.touchpoint.occurred_at for intake in found)
    async with database.transaction() as connection:
        await record(connection, found)


def _from_headers(request: Request) -> Principal | None:
    """The caller by Basic user name or bearer token; None when the body must say."""
    header = request.headers.get("authorization", "")
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "basic":
        return _verified(request, _basic_user(value))
    if scheme.lower() == "bearer":
        try:
            return principal_of(request)
        except Unauthorized as error:
            raise WriteKeyNeeded(error.detail) from error
    return None


def _basic_user(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError) as error:
        raise WriteKeyNeeded("The Basic credentials are not base64.") from error


def _from_body(request: Request, body: bytes) -> Principal:
    try:
        key = messages.write_key(body).write_key
    except msgspec.ValidationError as error:
        raise Unreadable("The body must be an object, and its writeKey a text.") from error
    if not key:
        raise WriteKeyNeeded
    return _verified(request, key)


def _verified(request: Request, key: str) -> Principal:
    verifier: TokenVerifier = request.app.state.verifier
    try:
        return verifier.verify(key.strip())
    except Unauthorized as error:
        raise WriteKeyNeeded(error.detail) from error
