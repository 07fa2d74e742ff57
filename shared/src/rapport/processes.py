"""Calculations in a process of their own, so that they neither hold up the event loop nor outlive the service."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from typing import Final

_ERROR_LENGTH: Final = 2_000


class CalculationFailed(RuntimeError):
    """The process that calculates ended without a result."""


async def calculate(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> AsyncIterator[str]:
    """Run `python -m module arguments...`; the lines that it writes. Raises `CalculationFailed`.

    The process is killed when this is left, and should end when its standard input is closed, which happens when this
    process dies.
    """
    async with _process(module, arguments, environment or {}) as process:
        errors = asyncio.create_task(_drain(process))
        assert process.stdout is not None  # noqa: S101  it is a pipe
        async for line in process.stdout:
            yield line.decode(errors="replace").rstrip("\n")
        code = await process.wait()
        if code:
            raise CalculationFailed(f"{module} ended with {code}: {(await errors)[-_ERROR_LENGTH:]}")


@contextlib.asynccontextmanager
async def _process(module: str, arguments: tuple[str, ...], environment: Mapping[str, str]) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, **environment},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _drain(process: Process) -> str:
    assert process.stderr is not None  # noqa: S101  it is a pipe
    return (await process.stderr.read()).decode(errors="replace").strip()
