"""How much the collector holds at a time: beyond it callers are sent away rather than memory filled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from interaction_service.collector.errors import Full


class Gate:
    """Bounds requests and bytes held, and batches written side by side."""

    def __init__(self, requests: int, held_bytes: int, writers: int) -> None:
        self._requests = requests
        self._bytes = held_bytes
        self._held_requests = 0
        self._held_bytes = 0
        self.writers = asyncio.Semaphore(writers)

    @asynccontextmanager
    async def admitted(self, size: int) -> AsyncIterator[None]:
        """Hold one request of `size` bytes for the block; raises `Full`."""
        if self._held_requests >= self._requests or self._held_bytes + size > self._bytes:
            raise Full
        self._held_requests += 1
        self._held_bytes += size
        try:
            yield
        finally:
            self._held_requests -= 1
            self._held_bytes -= size
