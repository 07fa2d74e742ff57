"""A mail server for one machine that delivers into a folder."""

import asyncio
import os
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

SIZE_LIMIT = 32 * 1024 * 1024


class MailSink:
    """Takes every message on 127.0.0.1 and keeps it as an `.eml` file; `port` 0 lets the system choose one."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.port = port
        self._server: asyncio.Server | None = None
        self._numbers = count(1)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen; raises `OSError` when the port is taken."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, "127.0.0.1", self.port, backlog=256)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Take no more; whoever is still connected is not waited for."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = SMTP(
            self, data_size_limit=SIZE_LIMIT, enable_SMTPUTF8=True, hostname="localhost", ident="Rapport"
        )
        return protocol

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Called by aiosmtpd with a whole message; the file is there before the sender hears that it was taken."""
        content = envelope.original_content or b""
        sender = (envelope.mail_from or "<>").encode()
        recipients = ", ".join(envelope.rcpt_tos).encode()
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{os.getpid()}-{next(self._numbers)}.eml"
        part = self.folder / f".{name}.part"
        part.write_bytes(b"X-Mail-From: " + sender + b"\r\nX-Rcpt-To: " + recipients + b"\r\n" + content)
        part.replace(self.folder / name)
        return "250 kept"
