"""How far the loading is: a bar on a terminal, a line for every tenth elsewhere."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_LINES = 10


Meter = Callable[[int], object]
"""Told after every batch how many messages it had."""


@contextlib.contextmanager
def meter(total: int, console: Console | None) -> Iterator[Meter]:
    """Shows messages done of `total` on `console`, or nothing when there is none."""
    if console is None:
        yield lambda _: None
    elif console.is_terminal:
        with _bar(console) as bar:
            task = bar.add_task("Loading the sample", total=total)
            yield lambda messages: bar.advance(task, messages)
    else:
        yield _Lines(total, console)


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)


class _Lines:
    def __init__(self, total: int, console: Console) -> None:
        self._total = total
        self._console = console
        self._done = 0
        self._began = time.monotonic()

    def __call__(self, messages: int) -> None:
        before = self._done * _LINES // self._total
        self._done += messages
        after = self._done * _LINES // self._total
        if after > before:
            seconds = time.monotonic() - self._began
            share = after * 100 // _LINES
            self._console.print(f"Loading the sample: {share} %, {self._done:,} messages, {seconds:.0f} s")
