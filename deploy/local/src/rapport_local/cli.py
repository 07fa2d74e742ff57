"""Commands: keep the stack up, play the demonstration, make a token."""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from rapport_local.importing import Importer, ImportFailed
from rapport_local.lock import AlreadyRunning, HomeLock
from rapport_local.migrations import MigrationFailed
from rapport_local.postgres import PostgresError
from rapport_local.stack import Stack, home_folder
from rapport_local.supervisor import StackFailed

EXPECTED = (AlreadyRunning, ImportFailed, MigrationFailed, PostgresError, StackFailed, LookupError)
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
LOOK_SECONDS = 0.1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code."""
    options = _parser().parse_args(arguments)
    return readably(lambda: options.command(options))


def readably(command: Callable[[], int]) -> int:
    """Exit code of `command`; what people can mend is told in words, not as a traceback."""
    try:
        return command()
    except KeyboardInterrupt:
        return INTERRUPTED
    except EXPECTED as error:
        print(f"rapport: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rapport", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    run = commands.add_parser("run", help="start PostgreSQL and the services, load a sample, keep them up")
    run.add_argument("--sample", choices=("none", "small", "full"), default="small")
    run.set_defaults(command=_run)
    demo = commands.add_parser("demo", help="start, load the sample, play the story on it, stop")
    demo.add_argument("--sample", choices=("small", "full"), default="small")
    demo.set_defaults(command=_demo)
    token = commands.add_parser("token", help="print a signed token")
    token.add_argument("--scopes", required=True, help='such as "profiles:read segments:read"')
    token.add_argument("--days", type=float, default=30, help="how long it holds (default: %(default)s)")
    token.add_argument("--subject", default="operator", help="who it is for (default: %(default)s)")
    token.add_argument("--rotate", action="store_true", help="sign with a new key; older tokens hold on")
    token.set_defaults(command=_token)
    importing = commands.add_parser("import", help="take in a list (CSV, NDJSON, Parquet) and show how far it is")
    importing.add_argument("file", type=Path)
    importing.add_argument("--spec", type=Path, required=True, help="JSON: source, lawful_basis, mapping and so on")
    importing.add_argument("--url", help="profile-service (default: that of the running stack)")
    importing.add_argument("--token", help="bearer token (default: RAPPORT_TOKEN, else that of the running stack)")
    importing.add_argument("--charset", help="encoding of the file, if the guess is wrong")
    importing.add_argument("--preview", action="store_true", help="show the first rows as they would be read")
    importing.add_argument("--errors", type=Path, help="where reasons go (default: FILE.errors.csv)")
    importing.set_defaults(command=_import)
    stop = commands.add_parser("stop", help="end the stack that runs on this home")
    stop.set_defaults(command=_stop)
    return parser


def _run(options: argparse.Namespace) -> int:
    return until_signal(lambda: keep_up(Stack(), options.sample), on_signal=0)


def _demo(options: argparse.Namespace) -> int:
    return until_signal(lambda: play_demo(Stack(), options.sample))


async def keep_up(stack: Stack, sample: str = "none") -> int:
    """Run `stack`, load `sample` into it, and stay until cancelled or until it fails."""
    async with stack.running() as info:
        if sample != "none":
            from rapport_local.sample.loader import load  # noqa: PLC0415  it brings pandas along

            await stack.during(load(info, sample, progress=True))
        for name, url in info["services"].items():
            stack.progress.say(f"{name}-service  {url}/docs")
        stack.progress.say(f"Ready: addresses and tokens are in {stack.description}; Ctrl-C stops everything.")
        await stack.failed()
    return 1


async def play_demo(stack: Stack, sample: str) -> int:
    """Run `stack`, play the story on it, stop it, and give the story's exit code."""
    from rapport_local.demo.story import run  # noqa: PLC0415  it brings pandas along

    async with stack.running():
        code: int = await stack.during(run(stack, sample))
    return code


def until_signal(work: Callable[[], Coroutine[Any, Any, int]], on_signal: int = INTERRUPTED) -> int:
    """Run `work`; a signal to stop cancels it once, lets it clean up, and gives `on_signal`."""

    async def guarded() -> int:
        loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work())
        signalled = False

        def stop() -> None:
            nonlocal signalled
            if not signalled:
                signalled = True
                task.cancel()

        for number in STOP_SIGNALS:
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue  # nohup: the terminal may go, we stay
            loop.add_signal_handler(number, stop)
        try:
            return await task
        except asyncio.CancelledError:
            if not signalled:
                raise
            return on_signal

    return asyncio.run(guarded())


def _token(options: argparse.Namespace) -> int:
    from rapport.tokens import KeyStore  # noqa: PLC0415  only here

    scopes = options.scopes.replace(",", " ").split()
    if not scopes or options.days <= 0:
        print("rapport: name at least one scope, and days above 0", file=sys.stderr)
        return 2
    keys = KeyStore(home_folder() / "keys")
    if options.rotate:
        keys.rotate()
    else:
        keys.ensure()
    try:
        print(keys.mint(scopes, options.subject, timedelta(days=options.days)))
    except (ValueError, OverflowError) as error:
        print(f"rapport: {error}", file=sys.stderr)
        return 2
    return 0


def _import(options: argparse.Namespace) -> int:
    with Importer(options.url, options.token) as importer:
        if options.preview:
            return importer.preview(options.file, options.spec, options.charset)
        return importer.run(options.file, options.spec, options.charset, options.errors)


def _stop(_options: argparse.Namespace) -> int:
    home = home_folder()
    lock = HomeLock(home / "lock")
    asked = False
    while lock.path.exists():
        try:
            lock.acquire()
        except AlreadyRunning as running:
            if running.pid is not None and not asked:
                os.kill(running.pid, signal.SIGTERM)
                asked = True
            time.sleep(LOOK_SECONDS)
        else:
            lock.release()
            break
    print("stopped" if asked else f"nothing runs on {home}")
    return 0
