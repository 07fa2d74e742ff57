"""Log files of the processes that the launcher starts."""

from pathlib import Path

LIMIT = 20 * 1024 * 1024
TAIL_BYTES = 64 * 1024


def make_room(log: Path) -> None:
    """Set a log that has grown large aside, keeping one older file, before somebody appends to it."""
    if log.exists() and log.stat().st_size > LIMIT:
        log.replace(log.with_name(f"{log.name}.1"))


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of `log`, empty without one."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""
