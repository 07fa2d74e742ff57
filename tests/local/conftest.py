"""Homes and port ranges for stacks of a test's own."""

import random
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from rapport_local.postgres import socket_folder
from rapport_local.stack import MAIL_PORT


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder for a server or a stack, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="rp-"))
    folder.chmod(0o711)
    home = folder / "home"
    yield home
    shutil.rmtree(folder)
    # A launcher that was killed cannot remove these.
    for server in (home, home / "postgres"):
        shutil.rmtree(socket_folder(server), ignore_errors=True)


def _free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@pytest.fixture
def base() -> int:
    """A port base whose ports are free; below the range that the system gives out by itself."""
    for _ in range(100):
        number = random.randrange(10_000, 32_000)
        if all(_free(number + offset) for offset in (1, 2, 3, 4, MAIL_PORT)):
            return number
    raise RuntimeError("no free ports")
