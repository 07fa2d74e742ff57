"""The local stack with stand-ins for the services: `python -m tests.support.launcher HOME PORT_BASE`."""

import sys
from pathlib import Path

from rapport_local.cli import keep_up, readably, until_signal
from rapport_local.services import SERVICES, Service
from rapport_local.stack import Stack

POSTGRES_SETTINGS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}


def stand_in_command(port: int) -> list[str]:
    """Serves a stand-in on `port`."""
    command = [sys.executable, "-m", "uvicorn", "tests.support.stand_in:app", "--lifespan", "off"]
    return [*command, "--app-dir", str(Path(__file__).parents[2]), "--port", str(port)]


def stand_in_stack(home: Path, base: int) -> Stack:
    """A stack whose four services are stand-ins without tables."""
    services = [Service(each.name, stand_in_command, migrates=False) for each in SERVICES]
    return Stack(home, base, services=services, postgres_settings=POSTGRES_SETTINGS)


if __name__ == "__main__":
    sys.exit(
        readably(
            lambda: until_signal(lambda: keep_up(stand_in_stack(Path(sys.argv[1]), int(sys.argv[2]))), on_signal=0)
        )
    )
