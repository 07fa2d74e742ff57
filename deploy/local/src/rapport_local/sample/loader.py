"""Loads the sample into a running stack through the collector, as a shop's systems would."""

import asyncio
import time
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import msgspec
from rich.console import Console

from rapport_local.sample.messages import message
from rapport_local.sample.meter import Meter, meter
from rapport_local.sample.rows import shift_to
from rapport_local.sample.sending import LoadError, Sender, batches
from rapport_local.sample.source import Source, read

__all__ = ["LoadError", "LoadReport", "load"]

CONNECTIONS: Final = 4
PATIENCE: Final = 300.0
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What was sent and acknowledged; `retries` counts the attempts that were not."""

    messages: int
    orders: int
    households: int
    seconds: float
    retries: int


async def load(
    stack_info: Mapping[str, Any],
    sample: str,
    *,
    progress: bool = True,
    console: Console | None = None,
    compress: bool = False,
    patience: float = PATIENCE,
) -> LoadReport:
    """Send the sample, "small" or "full", to the stack that `stack_info` (as in stack.json) describes.

    Each of a few connections carries the whole history of its households in order of time. A collector that is
    down, restarting or overloaded is waited for, `patience` seconds for each batch; loading again adds nothing.
    Raises `LoadError` when the collector refuses or stays away, ValueError for an unknown sample.
    """
    began = time.monotonic()
    source = await asyncio.to_thread(read, sample)
    shift = shift_to(datetime.now(UTC), source.last_at)
    shown = (console or Console(highlight=False)) if progress else None
    async with _client(stack_info) as client:
        sender = Sender(client, patience=patience, compress=compress)
        with meter(len(source), shown) as tell:
            await _together([_send_lane(source, lane, shift, sender, tell) for lane in range(CONNECTIONS)])
    seconds = time.monotonic() - began
    return LoadReport(len(source), len(source.orders), len(source.households), seconds, sender.retries)


def encoded(source: Source, shift: timedelta, lane: int = 0, lanes: int = 1) -> Iterator[bytes]:
    """The messages of one lane as JSON, oldest first, made as they are asked for."""
    encoder = msgspec.json.Encoder()
    return (encoder.encode(message(row, shift)) for row in source.rows(lane, lanes))


async def _send_lane(source: Source, lane: int, shift: timedelta, sender: Sender, tell: Meter) -> None:
    for batch in batches(encoded(source, shift, lane, CONNECTIONS)):
        await sender.send(batch)
        tell(len(batch))


async def _together(lanes: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all lanes; the first refusal ends the others and is raised by itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for lane in lanes:
                group.create_task(lane)
    except* LoadError as refused:
        refusals = refused.exceptions
    else:
        return
    raise refusals[0]


def _client(stack_info: Mapping[str, Any]) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=stack_info["services"]["interaction"],
        auth=httpx.BasicAuth(stack_info["collect_token"], ""),
        timeout=_TIMEOUT,
        limits=httpx.Limits(max_connections=CONNECTIONS),
        # A stack is reached directly, whatever proxy this machine uses for the world outside.
        trust_env=False,
    )
