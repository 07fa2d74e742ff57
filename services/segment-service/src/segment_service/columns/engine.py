"""DuckDB in a thread of its own: one calculation at a time, within a memory limit."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import duckdb
from rapport.errors import Overloaded

T = TypeVar("T")

_MOST_WAITING: Final = 16


class Engine:
    """Runs calculations on fresh in-memory databases, in the order in which they come."""

    def __init__(self, scratch: Path, *, memory: str = "1GB", threads: int = 2) -> None:
        self._scratch = scratch
        self._memory = memory
        self._threads = threads
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="columns")
        self._waiting = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place among those who wait for an answer; raises `Overloaded` when there is none left."""
        if self._waiting >= _MOST_WAITING:
            raise Overloaded("Too many calculations are waiting; try again shortly.", retry_after=2)
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    async def run(self, calculation: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """What `calculation` gives for a connection of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._calculate, calculation)

    def close(self) -> None:
        """Wait for the calculation at hand, drop those behind it."""
        self._thread.shutdown(cancel_futures=True)

    def _calculate(self, calculation: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": self._memory,
            "threads": self._threads,
            "temp_directory": str(self._scratch),
            "preserve_insertion_order": False,
            # Nothing is fetched from anywhere while the service runs.
            "autoinstall_known_extensions": False,
        }
        with duckdb.connect(":memory:", config=settings) as connection:
            return calculation(connection)
