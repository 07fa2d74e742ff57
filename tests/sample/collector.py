"""A collector that keeps messages by id, answers over HTTP, and fails in every way a killed service does."""

import asyncio
import base64
import gzip
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

TOKEN = "a-write-key"


@dataclass
class Trouble:
    """Shares of requests that fail, each in its own way; what is left is answered with 200."""

    busy: float = 0.0
    unavailable: float = 0.0
    cut_before: float = 0.0
    cut_after: float = 0.0
    refuse: tuple[int, str] | None = None

    def pick(self, chance: random.Random) -> str:
        ways = ("busy", "unavailable", "cut_before", "cut_after")
        shares = [self.busy, self.unavailable, self.cut_before, self.cut_after]
        return chance.choices([*ways, "accept"], [*shares, 1 - sum(shares)])[0]


@dataclass
class Collector:
    """Listens on a port of its own; `kept` holds each message once, in the order it first came."""

    trouble: Trouble = field(default_factory=Trouble)
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    sent_at: list[str] = field(default_factory=list)
    largest_batch: int = 0
    _port: int = 0
    _server: asyncio.Server | None = None
    _open: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)
    _chance: random.Random = field(default_factory=lambda: random.Random(7))

    @property
    def stack_info(self) -> dict[str, Any]:
        return {
            "services": {"interaction": f"http://127.0.0.1:{self._port}"},
            "collect_token": TOKEN,
        }

    async def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def kill(self) -> None:
        """Gone in the middle of whatever it did: connections are reset, nobody listens."""
        assert self._server is not None
        self._server.close()
        # Connections just accepted get their task in the next round of the loop.
        await asyncio.sleep(0)
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            self.outcomes["hung up"] += 1
        finally:
            del self._open[task]
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line, headers = await _head(reader)
        body = await reader.readexactly(int(headers["content-length"]))
        outcome = self.trouble.pick(self._chance)
        self.outcomes[outcome] += 1
        if outcome == "cut_before":
            writer.transport.abort()
            return False
        try:
            status, more = self._answer(outcome, line, headers, body)
        except AssertionError as fault:
            # A refusal ends the load, and with it the test, telling why.
            status, more = 400, f"Fault: {fault}".replace("\n", " ") + "\r\n"
        if outcome == "cut_after":
            writer.transport.abort()
            return False
        content = b'{"success": true}' if status == 200 else more.encode()
        head = f"HTTP/1.1 {status} Status\r\nContent-Length: {len(content)}\r\n{more}\r\n"
        writer.write(head.encode() + content)
        await writer.drain()
        return True

    def _answer(self, outcome: str, line: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        if self.trouble.refuse is not None:
            return self.trouble.refuse[0], self.trouble.refuse[1]
        if outcome == "busy":
            return 429, "Retry-After: 0\r\n"
        if outcome == "unavailable":
            return 503, ""
        assert line == "POST /v1/batch HTTP/1.1"
        assert headers["authorization"] == "Basic " + base64.b64encode(f"{TOKEN}:".encode()).decode()
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self._take(body)
        return 200, ""

    def _take(self, body: bytes) -> None:
        assert len(body) <= 500_000
        batch = json.loads(body, parse_float=Decimal)
        assert 1 <= len(batch["batch"]) <= 100
        self.largest_batch = max(self.largest_batch, len(batch["batch"]))
        self.sent_at.append(batch["sentAt"])
        for message in batch["batch"]:
            if self.kept.setdefault(message["messageId"], message) != message:
                raise AssertionError("one id, two messages")


async def _head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    text = (await reader.readuntil(b"\r\n\r\n")).decode()
    line, *fields = text.strip().split("\r\n")
    pairs = (each.split(":", 1) for each in fields)
    return line, {name.strip().lower(): value.strip() for name, value in pairs}


@asynccontextmanager
async def collecting(trouble: Trouble | None = None) -> AsyncIterator[Collector]:
    """A running collector, killed at the end."""
    collector = Collector(trouble or Trouble())
    await collector.start()
    try:
        yield collector
    finally:
        await collector.kill()
