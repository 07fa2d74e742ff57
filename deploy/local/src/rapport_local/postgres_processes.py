"""What the process table and `postmaster.pid` tell about a server's data folder."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

PROCESSES = Path("/proc")
STATUS_LINE = 7
FAST_SECONDS = 20.0
IMMEDIATE_SECONDS = 5.0


def read_status(data: Path) -> tuple[int | None, str]:
    """(process id, status) the server of `data` wrote, status `ready` when up; (None, "") without one."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return None, ""
    pid = int(lines[0]) if lines and lines[0].strip().isdecimal() else None
    return pid, lines[STATUS_LINE].strip() if len(lines) > STATUS_LINE else ""


@dataclass(frozen=True)
class LeftOver:
    """A process of a server whose launcher is gone."""

    pid: int
    postmaster: bool

    def end(self) -> None:
        """Let it shut down, which it may be doing already; less gently after a while."""
        if self.postmaster:
            self._signal(signal.SIGINT, FAST_SECONDS)
        if self._alive():
            self._signal(signal.SIGQUIT, IMMEDIATE_SECONDS)
        if self._alive():
            self._signal(signal.SIGKILL, IMMEDIATE_SECONDS)

    def _signal(self, number: signal.Signals, patience: float) -> None:
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience
        while self._alive() and time.monotonic() < deadline:
            time.sleep(0.02)

    def _alive(self) -> bool:
        try:
            # A zombie holds nothing, and the first process of a container may never clear it away.
            state = (PROCESSES / str(self.pid) / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state != "Z"


def end_left_over(data: Path) -> None:
    """End whatever still serves `data` and forget that it did; call it holding the home's lock.

    Its `postmaster.pid` goes too: the server would take a zombie, or a stranger with that number, for one that runs.
    """
    if not PROCESSES.is_dir():
        return
    for process in _left_over(data):
        process.end()
    (data / "postmaster.pid").unlink(missing_ok=True)


def _left_over(data: Path) -> list[LeftOver]:
    """Known by program and working folder, for a process id alone may since be somebody else's; postmaster first."""
    postmaster, _ = read_status(data)
    found = []
    for entry in PROCESSES.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            program, folder = (entry / "exe").readlink(), (entry / "cwd").readlink()
        except OSError:
            continue
        if folder == data.resolve() and program.name.partition(" ")[0] == "postgres":
            found.append(LeftOver(int(entry.name), int(entry.name) == postmaster))
    return sorted(found, key=lambda process: not process.postmaster)
