"""Handing a message over, and what is known afterwards."""

import time
from collections.abc import Awaitable
from contextlib import suppress
from enum import StrEnum
from typing import NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib

from campaign_service.sending.message import Envelope

_IDLE_SECONDS = 1.0


class Kind(StrEnum):
    """How an attempt ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    DEFERRED = "deferred"
    UNCERTAIN = "uncertain"


class Outcome(NamedTuple):
    """How an attempt ended, and what the provider said."""

    kind: Kind
    detail: str


class Unreachable(Exception):
    """The provider cannot be reached: nothing was handed over, and nobody's message is to blame."""


class Provider(Protocol):
    """One way out. `ready` raises `Unreachable`; `deliver` raises nothing and is called after it."""

    def ready(self) -> Awaitable[None]:
        """Make sure that the provider can be reached."""

    def deliver(self, envelope: Envelope) -> Awaitable[Outcome]:
        """Hand one message over."""

    def close(self) -> Awaitable[None]:
        """Let go of the provider."""


class SmtpServer(NamedTuple):
    """Where mail goes, from `smtp://user:password@host:port`."""

    host: str
    port: int
    user: str | None
    password: str | None
    tls: bool

    @classmethod
    def parse(cls, url: str) -> "SmtpServer":
        """Raises `ValueError` for what is not such an address."""
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("CAMPAIGN_SMTP_URL is smtp://[user:password@]host[:port] or smtps://...")
        tls = parts.scheme == "smtps"
        user, password = (unquote(each) if each is not None else None for each in (parts.username, parts.password))
        return cls(parts.hostname, parts.port or (465 if tls else 25), user, password, tls)


class SmtpProvider:
    """One connection, used for message after message, opened again when it is lost."""

    def __init__(self, server: SmtpServer, timeout: float) -> None:
        self._server = server
        self._timeout = timeout
        self._client: aiosmtplib.SMTP | None = None
        self._used_at = 0.0

    async def ready(self) -> None:
        """Connect unless connected; a connection that lay idle is tried first. Raises `Unreachable`."""
        client = self._client
        if client is not None and client.is_connected:
            if time.monotonic() - self._used_at < _IDLE_SECONDS or await _listens(client):
                return
            await self.close()
        await self._connect()

    async def deliver(self, envelope: Envelope) -> Outcome:
        """Hand one message over; from DATA on, silence means that nobody knows whether it was taken."""
        outcome = await self._before_data(envelope)
        if outcome is not None and outcome.kind is Kind.DEFERRED and self._client is None:
            # The server may have hung up since the last message; nothing was handed over yet.
            try:
                await self._connect()
            except Unreachable as error:
                return Outcome(Kind.DEFERRED, str(error))
            outcome = await self._before_data(envelope)
        if outcome is None:
            outcome = await self._data(envelope)
        self._used_at = time.monotonic()
        return outcome

    async def _connect(self) -> None:
        self._client = aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            username=self._server.user,
            password=self._server.password,
            use_tls=self._server.tls,
            timeout=self._timeout,
        )
        try:
            await self._client.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            await self.close()
            raise Unreachable(f"{self._server.host}:{self._server.port}: {error}") from error

    async def _before_data(self, envelope: Envelope) -> Outcome | None:
        """None when the server wants the message."""
        client = self._client
        if client is None:
            return Outcome(Kind.DEFERRED, "before DATA: not connected")
        try:
            await _address(client, envelope)
        except aiosmtplib.SMTPNotSupported as error:
            return Outcome(Kind.REFUSED, str(error))
        except aiosmtplib.SMTPResponseException as error:
            await _reset(client)
            return _judged(error)
        except (aiosmtplib.SMTPException, OSError) as error:
            await self.close()
            return Outcome(Kind.DEFERRED, f"before DATA: {_said(error)}")
        return None

    async def _data(self, envelope: Envelope) -> Outcome:
        client = self._client
        if client is None:
            return Outcome(Kind.DEFERRED, "before DATA: not connected")
        try:
            response = await client.data(envelope.content)
        except aiosmtplib.SMTPResponseException as error:
            await _reset(client)
            return _judged(error)
        except (aiosmtplib.SMTPException, OSError) as error:
            await self.close()
            return Outcome(Kind.UNCERTAIN, f"after DATA: {_said(error)}")
        return Outcome(Kind.ACCEPTED, f"{response.code} {response.message}")

    async def close(self) -> None:
        """Drop the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None


async def _address(client: aiosmtplib.SMTP, envelope: Envelope) -> None:
    options: list[str] = []
    if envelope.needs_utf8:
        if not client.supports_extension("smtputf8"):
            raise aiosmtplib.SMTPNotSupported("the mail server takes no address outside ASCII (SMTPUTF8)")
        options = ["SMTPUTF8"]
    encoding = "utf-8" if envelope.needs_utf8 else "ascii"
    await client.mail(envelope.sender, options=options, encoding=encoding)
    await client.rcpt(envelope.recipient, encoding=encoding)


async def _listens(client: aiosmtplib.SMTP) -> bool:
    try:
        await client.noop()
    except (aiosmtplib.SMTPException, OSError):
        return False
    return True


async def _reset(client: aiosmtplib.SMTP) -> None:
    with suppress(aiosmtplib.SMTPException, OSError):
        await client.rset()


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def _judged(error: aiosmtplib.SMTPResponseException) -> Outcome:
    kind = Kind.REFUSED if error.code >= 500 else Kind.DEFERRED
    return Outcome(kind, f"{error.code} {error.message}")
