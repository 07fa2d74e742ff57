"""Starts a command that goes down with whoever started it.

Run as a script, ``python child.py --parent PID --signal N [--user UID:GID] [--capability N] -- command``,
it arranges its own process and then becomes the command, so the process id stays. A script of its own because
the same calls between ``fork`` and ``exec`` of a program with threads may deadlock.
"""

import argparse
import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1


def child_command(
    command: Sequence[str | os.PathLike[str]],
    *,
    signal: int,
    user: tuple[int, int] | None = None,
    capability: int | None = None,
) -> list[str]:
    """Argument list that runs `command` so that it gets `signal` when the calling thread ends.

    The kernel ties this to the thread that starts the child, not to the process: use one that lives as long.
    """
    wrapped = [sys.executable, "-I", "-S", str(Path(__file__)), "--parent", str(os.getpid())]
    wrapped += ["--signal", str(int(signal))]
    if user is not None:
        wrapped += ["--user", f"{user[0]}:{user[1]}"]
    if capability is not None:
        wrapped += ["--capability", str(capability)]
    return [*wrapped, "--", *(os.fspath(part) for part in command)]


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _become(user: str, capability: int | None) -> None:
    uid, _, gid = user.partition(":")
    libc = ctypes.CDLL(None, use_errno=True)
    if capability is not None:
        # Keeps capabilities over the change of user, and lets `access(2)` see them, which PostgreSQL asks.
        _check(libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0), "set secure bits")
    os.setgroups([])
    os.setgid(int(gid))
    os.setuid(int(uid))
    if capability is None:
        return
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    low, high = (1 << capability) & 0xFFFFFFFF, (1 << capability) >> 32
    sets = (ctypes.c_uint32 * 6)(low, low, low, high, high, high)
    _check(libc.capset(header, sets), "set capabilities")
    _check(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0), "raise ambient capability")


def _die_with(parent: int, number: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0), "set parent-death signal")
    if os.getppid() != parent:
        raise SystemExit("the launcher ended before its child began")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--signal", type=int, required=True)
    parser.add_argument("--user")
    parser.add_argument("--capability", type=int)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    if options.user is not None:
        _become(options.user, options.capability)
    # After the change of user, which clears the parent-death signal.
    _die_with(options.parent, options.signal)
    os.execvp(options.command[0], options.command)  # noqa: S606


if __name__ == "__main__":
    main()
