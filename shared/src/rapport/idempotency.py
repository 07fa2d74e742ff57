"""Idempotency-Key: the stored answer is written in the transaction that does the work, so both exist or neither."""

import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from fastapi import Request, Response
from fastapi.routing import APIRoute
from sqlalchemy import Column, DateTime, Integer, LargeBinary, MetaData, String, Table, Text, func

from rapport.auth import principal_of
from rapport.errors import Conflict, Invalid, Unauthorized

if TYPE_CHECKING:
    from rapport.database import Connection

HEADER = "idempotency-key"
_KEPT_HEADERS = ("location", "etag", "content-location", "content-type")


class KeyInUse(Conflict):
    name, title = "idempotency-key-in-use", "The first request with this Idempotency-Key is still running"


class KeyReused(Invalid):
    name, title = "idempotency-key-reused", "This Idempotency-Key was used for another request"


class KeyInvalid(Invalid):
    name, title = "idempotency-key-invalid", "An Idempotency-Key has 1 to 255 printable characters"


class Replay(Exception):
    """Carries the answer that was given the first time."""

    def __init__(self, response: Response) -> None:
        super().__init__("answered before")
        self.response = response


class _Claim(NamedTuple):
    connection: "Connection"
    subject: str
    key: str
    fingerprint: bytes


def idempotency_table(metadata: MetaData) -> Table:
    """The table of stored answers, in a service's own metadata."""
    return Table(
        "idempotency",
        metadata,
        Column("subject", String, primary_key=True),
        Column("key", String, primary_key=True),
        Column("fingerprint", LargeBinary, nullable=False),
        Column("status", Integer, nullable=False),
        Column("headers", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now(), index=True),
    )


def wanted(request: Request) -> bool:
    """Whether the caller asks for an idempotent POST."""
    return request.method == "POST" and HEADER in request.headers


async def begin(request: Request, connection: "Connection") -> None:
    """Take the key for this transaction; raises `Replay`, `KeyInUse` or `KeyReused`."""
    if not wanted(request):
        return
    key = request.headers[HEADER]
    if not (0 < len(key) <= 255 and key.isprintable()):
        raise KeyInvalid
    subject = _subject(request)
    # The lock lives as long as the transaction: a crash leaves no key behind that is "still running".
    if not await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 7))", f"{subject}\n{key}"):
        raise KeyInUse
    fingerprint = await _fingerprint(request)
    row = await connection.fetchrow(
        "SELECT fingerprint, status, headers, body FROM idempotency WHERE subject = $1 AND key = $2",
        subject,
        key,
    )
    if row is None:
        request.state.idempotency = _Claim(connection, subject, key, fingerprint)
        return
    if row["fingerprint"] != fingerprint:
        raise KeyReused
    headers = {**msgspec.json.decode(row["headers"]), "idempotent-replayed": "true"}
    raise Replay(Response(row["body"], row["status"], headers))


class Route(APIRoute):
    """Stores the answer of an idempotent POST just before its transaction commits, and gives it again when asked."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler FastAPI calls inside the scope that ends the transaction."""
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            return await answered(handle, request)

        return handler


async def answered(handle: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
    """The answer of `handle`, kept if the caller asked for that, or the one kept before."""
    if not wanted(request):
        return await handle(request)
    try:
        response = await handle(request)
    except Replay as replay:
        return replay.response
    claim: _Claim | None = getattr(request.state, "idempotency", None)
    if claim is not None and response.status_code < 500:
        await _store(claim, response)
    return response


async def _store(claim: _Claim, response: Response) -> None:
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    await claim.connection.execute(
        "INSERT INTO idempotency (subject, key, fingerprint, status, headers, body) VALUES ($1, $2, $3, $4, $5, $6)",
        claim.subject,
        claim.key,
        claim.fingerprint,
        response.status_code,
        msgspec.json.encode(headers).decode(),
        bytes(response.body),
    )


def known_by(request: Request, digest: bytes) -> None:
    """Tell two requests apart by `digest`: the bytes of a form differ each time it is sent, and it may be long."""
    request.state.content_digest = digest


async def _fingerprint(request: Request) -> bytes:
    digest: bytes | None = getattr(request.state, "content_digest", None)
    body = await request.body() if digest is None else digest
    return hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + body).digest()


def _subject(request: Request) -> str:
    try:
        return principal_of(request).subject
    except Unauthorized:
        return ""


async def purge(connection: "Connection") -> None:
    """Forget answers older than two days."""
    await connection.execute("DELETE FROM idempotency WHERE created_at < now() - interval '2 days'")
