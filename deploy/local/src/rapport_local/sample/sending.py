"""Sends batches to a collector until it has them: what is not acknowledged goes again with the same ids."""

import asyncio
import gzip
import random
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

# Below the limits of Segment's API, 100 messages and 500 KB, by what surrounds the messages.
BATCH_MESSAGES: Final = 100
BATCH_BYTES: Final = 480_000

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
_ANSWER_SHOWN = 500


class LoadError(Exception):
    """The sample could not be loaded; says why. To load again continues where this stopped."""


def batches(messages: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Encoded messages in batches within the API's limits, in their order."""
    batch: list[bytes] = []
    size = 0
    for message in messages:
        if batch and (len(batch) == BATCH_MESSAGES or size + len(message) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message) + 1
    if batch:
        yield batch


class Sender:
    """Posts to `/v1/batch` of one collector; gives up on a batch after `patience` seconds of trying."""

    def __init__(self, client: httpx.AsyncClient, *, patience: float, compress: bool) -> None:
        self._client = client
        self._patience = patience
        self._compress = compress
        self.retries = 0

    async def send(self, batch: list[bytes]) -> None:
        """Return once the batch is acknowledged; raises `LoadError` when it is refused or patience ends."""
        deadline = time.monotonic() + self._patience
        attempt = 0
        while True:
            answer = await self._post(batch)
            if isinstance(answer, httpx.Response) and answer.is_success:
                return
            if isinstance(answer, httpx.Response) and not _passing(answer):
                raise LoadError(f"The collector refused a batch: {_told(answer)}")
            pause = pause_before_retry(attempt, answer)
            if time.monotonic() + pause > deadline:
                raise LoadError(f"Not taken within {self._patience:.0f} s; the last try: {_told(answer)}")
            await asyncio.sleep(pause)
            attempt += 1
            self.retries += 1

    async def _post(self, batch: list[bytes]) -> httpx.Response | httpx.TransportError:
        # The collector takes the difference between `sentAt` and its clock for the sender's clock being wrong,
        # so it is the time of this very attempt.
        sent_at = datetime.now(UTC).isoformat(timespec="milliseconds").encode()
        body = b'{"sentAt":"' + sent_at + b'","batch":[' + b",".join(batch) + b"]}"
        headers = {"Content-Type": "application/json"}
        if self._compress:
            body = gzip.compress(body, compresslevel=1)
            headers["Content-Encoding"] = "gzip"
        try:
            return await self._client.post("/v1/batch", content=body, headers=headers)
        except httpx.TransportError as error:
            return error


def pause_before_retry(attempt: int, answer: httpx.Response | httpx.TransportError) -> float:
    """Seconds to wait: what `Retry-After` asks for, else exponential with full jitter from 0.1 s up to 2 s."""
    if isinstance(answer, httpx.Response):
        asked = _retry_after(answer.headers.get("Retry-After", ""))
        if asked is not None:
            return asked
    # The power is bounded before it is taken: a service may be down for thousands of attempts.
    return random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempt, 10)))  # noqa: S311


def _retry_after(value: str) -> float | None:
    """Seconds, from either form of RFC 9110, 10.2.3; None when it is neither."""
    if value.isdecimal():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, until.timestamp() - time.time())


def _passing(answer: httpx.Response) -> bool:
    return answer.status_code in {408, 429} or answer.is_server_error


def _told(answer: httpx.Response | httpx.TransportError) -> str:
    if isinstance(answer, httpx.Response):
        return f"{answer.status_code} {answer.text[:_ANSWER_SHOWN]}"
    return f"{type(answer).__name__} {answer}".rstrip()
