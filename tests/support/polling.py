"""Waiting for what happens elsewhere, by looking until a deadline."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
async def eventually(check: Callable[[], Awaitable[T]], deadline: float = 10.0, every: float = 0.02) -> T: ...
@overload
async def eventually(check: Callable[[], T], deadline: float = 10.0, every: float = 0.02) -> T: ...
async def eventually(check: Callable[[], Any], deadline: float = 10.0, every: float = 0.02) -> Any:
    """What `check` gives once it is true, looked at `every` so many seconds for `deadline` seconds.

    `check` may be async, and may raise `AssertionError` while it is not yet so; after the deadline this does.
    """
    end = time.monotonic() + deadline
    while True:
        failed: AssertionError | None = None
        value: Any = None
        try:
            found = check()
            value = await found if inspect.isawaitable(found) else found
        except AssertionError as error:
            failed = error
        if failed is None and value:
            return value
        if time.monotonic() > end:
            raise failed or AssertionError(f"not so after {deadline} s: {check!r} last gave {value!r}")
        await asyncio.sleep(every)
