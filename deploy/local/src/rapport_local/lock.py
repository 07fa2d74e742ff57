"""One launcher per home: a lock that the kernel drops when its holder dies, however it dies."""

import fcntl
import os
from pathlib import Path


class AlreadyRunning(RuntimeError):
    """Somebody else holds the home."""

    def __init__(self, path: Path, pid: int | None) -> None:
        who = f"process {pid}" if pid is not None else "another process"
        super().__init__(
            f"{who} is already running on {path.parent}; stop it first, or set RAPPORT_HOME to another folder"
        )
        self.path = path
        self.pid = pid


class HomeLock:
    """Exclusive lock on a file that names the process holding it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        return self._fd is not None

    def acquire(self) -> None:
        """Take the lock at once, or raise `AlreadyRunning` with the holder's process id."""
        if self._fd is not None:
            return
        self.path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 32).decode(errors="replace").strip()
            os.close(fd)
            raise AlreadyRunning(self.path, int(holder) if holder.isdecimal() else None) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._fd = fd

    def release(self) -> None:
        if self._fd is not None:
            # The name goes while the file stays: removing a locked file would let two hold "the" lock.
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None
