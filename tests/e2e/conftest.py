"""A whole stack of a test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rapport_local.stack import Stack

# What a crash of the machine could lose is not what these tests are about; the processes do get killed.
_SETTINGS = {"fsync": "off", "shared_buffers": "128MB"}


@pytest.fixture
async def stack(home: Path, base: int) -> AsyncIterator[Stack]:
    """The embedded stack, up and ready."""
    stack = Stack(home, base, postgres_settings=_SETTINGS)
    async with stack.running():
        yield stack
