"""A mail server that can misbehave."""

import asyncio
import random
from asyncio import Transport
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import cast

from aiosmtpd.smtp import SMTP, Envelope, Session


class Mailbox:
    """Keeps what it accepted; each share is the chance of one message to meet that trouble."""

    def __init__(
        self, *, deferred: float = 0, dropped_with: float = 0, dropped_without: float = 0, refused: float = 0
    ) -> None:
        self.messages: list[EmailMessage] = []
        self.received: Counter[str] = Counter()
        self.dropped: set[str] = set()
        self.port = 0
        self.delay = 0.0
        self.connections = 0
        self._shares = (deferred, dropped_with, dropped_without, refused)
        self._random = random.Random(7)

    async def handle_RCPT(  # noqa: N802  aiosmtpd names it so
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Refuse or defer a recipient at the configured rate."""
        deferred, _, _, refused = self._shares
        if self._random.random() < deferred:
            return "451 4.7.1 try again later"
        if self._random.random() < refused:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a message, or break the connection with or without having taken it."""
        _, dropped_with, dropped_without, _ = self._shares
        recipient = envelope.rcpt_tos[0]
        await asyncio.sleep(self.delay)
        draw = self._random.random()
        if draw >= dropped_with + dropped_without:
            self._take(recipient, cast("bytes", envelope.content))
            return "250 OK"
        if draw < dropped_with:
            self._take(recipient, cast("bytes", envelope.content))
        self.dropped.add(recipient)
        _abort(server)
        return "421 gone"

    def _take(self, recipient: str, content: bytes) -> None:
        self.received[recipient] += 1
        self.messages.append(message_from_bytes(content, policy=default))

    @asynccontextmanager
    async def served(self, port: int = 0) -> AsyncIterator["Mailbox"]:
        """Listens on `port`, or any free one."""

        sessions: list[SMTP] = []

        def session() -> SMTP:
            self.connections += 1
            sessions.append(SMTP(self, enable_SMTPUTF8=True, hostname="sink.test", ident="sink"))
            return sessions[-1]

        server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for each in sessions:
                _abort(each)
            await server.wait_closed()


def _abort(server: SMTP) -> None:
    if server.transport is not None:
        cast("Transport", server.transport).abort()
