"""A load generator that costs little: raw keep-alive connections in a process of its own."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import msgspec
import uvloop


class Load(msgspec.Struct):
    """What to send: `requests` in turn over `connections` at once for `seconds`; each of them `once` at most."""

    host: str
    port: int
    requests: list[bytes]
    connections: int
    seconds: float
    once: bool = False


class Outcome(msgspec.Struct):
    """What came back: requests a second, and how many answers were not 2xx."""

    rate: float
    answers: int
    bad: int


def request(url: str, token: str = "", body: bytes | None = None) -> bytes:
    """One HTTP/1.1 request as bytes, GET or POST."""
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", f"Host: {parts.netloc}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


async def measure(
    url: str, requests: Sequence[bytes], *, connections: int = 32, seconds: float = 3, once: bool = False
) -> Outcome:
    """Requests a second that the server at `url` answers, sent from another process."""
    parts = urlsplit(url)
    load = Load(parts.hostname or "127.0.0.1", parts.port or 80, list(requests), connections, seconds, once)
    with tempfile.NamedTemporaryFile(suffix=".load") as file:
        file.write(msgspec.msgpack.encode(load))
        file.flush()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, file.name, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the load generator ended with {process.returncode}")
    return msgspec.json.decode(output, type=Outcome)


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last is complete."""

    def __init__(self, load: Load, first: int, end: float) -> None:
        self._load = load
        self._next = first
        self._end = end
        self._buffer = b""
        self.answers = 0
        self.bad = 0
        self.closed = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not asyncio's by class, only by what they do.
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        self._transport.write(self._load.requests[self._next % len(self._load.requests)])
        self._next += self._load.connections

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data
        head = buffer.find(b"\r\n\r\n")
        if head < 0:
            self._buffer = buffer
            return
        at = buffer.lower().find(b"content-length:", 0, head)
        length = int(buffer[at + 15 : buffer.find(b"\r\n", at)])
        if len(buffer) < head + 4 + length:
            self._buffer = buffer
            return
        self._buffer = b""
        self.answers += 1
        self.bad += buffer[9:10] != b"2"
        if time.monotonic() < self._end and not (self._load.once and self._next >= len(self._load.requests)):
            self._send()
        else:
            assert self._transport is not None
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio calls it so
        if not self.closed.done():
            self.closed.set_result(None)


async def _run(load: Load) -> Outcome:
    loop = asyncio.get_running_loop()
    began = time.monotonic()
    connections = [
        (
            await loop.create_connection(
                lambda first=first: _Connection(load, first, began + load.seconds),  # type: ignore[misc]
                load.host,
                load.port,
            )
        )[1]
        for first in range(load.connections)
    ]
    await asyncio.wait_for(asyncio.gather(*(each.closed for each in connections)), load.seconds + 30)
    answers = sum(each.answers for each in connections)
    return Outcome(answers / (time.monotonic() - began), answers, sum(each.bad for each in connections))


if __name__ == "__main__":
    given = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=Load)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_run(given))))
