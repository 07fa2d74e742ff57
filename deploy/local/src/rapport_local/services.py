"""The four services as the launcher sees them: where they lie and how each is started."""

import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

SHUTDOWN_SECONDS = 5


def service_folder(name: str) -> Path:
    """Folder of a service in the repository, with its `alembic.ini`; raises `LookupError`."""
    spec = importlib.util.find_spec(f"{name}_service")
    if spec is None or spec.origin is None:
        raise LookupError(f"{name}-service is not installed; run `make setup`")
    return Path(spec.origin).resolve().parents[2]


def service_command(name: str, port: int) -> list[str]:
    """The process that serves `name` on `port` of this machine."""
    command = [sys.executable, "-m", "uvicorn", f"{name}_service.main:create_app", "--factory"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    # A long poll of the feed may outlast anybody's patience.
    return [*command, "--timeout-graceful-shutdown", str(SHUTDOWN_SECONDS)]


@dataclass(frozen=True)
class Service:
    """One service of the stack: `command` gives the process that serves it on a port."""

    name: str
    command: Callable[[int], list[str]]
    migrates: bool = True


SERVICES = tuple(
    Service(name, partial(service_command, name)) for name in ("profile", "segment", "campaign", "interaction")
)


def database_variable(name: str) -> str:
    """Environment variable that tells a service its database."""
    return f"{name.upper()}_DATABASE_URL"


def url_variable(name: str) -> str:
    """Environment variable that tells the others where a service is."""
    return f"RAPPORT_{name.upper()}_URL"


def inherited_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment and `extra`, without the PG* variables, which drivers would heed."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return own | {"PYTHONUNBUFFERED": "1"} | dict(extra)
