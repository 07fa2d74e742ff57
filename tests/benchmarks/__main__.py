"""Runs the benchmarks and prints the table: `python -m tests.benchmarks [name...]`."""

import asyncio
import importlib
import pkgutil
import sys
import time
from collections.abc import Sequence
from typing import Protocol, cast

from rich.console import Console
from rich.table import Table

import tests.benchmarks as package
from tests.benchmarks.table import Row

_NOT_BENCHMARKS = {"__main__", "table", "load", "bare", "scene"}


class Benchmark(Protocol):
    """A module that measures."""

    async def run(self) -> Sequence[Row]:
        """Measure; a few rounds, alternating with the baseline."""
        ...


def names() -> list[str]:
    """The modules of this package that have a `run`."""
    found = (each.name for each in pkgutil.iter_modules(package.__path__) if each.name not in _NOT_BENCHMARKS)
    return [name for name in found if hasattr(importlib.import_module(f"{package.__name__}.{name}"), "run")]


def table(rows: Sequence[Row]) -> Table:
    """The rows for people."""
    shown = Table("what", "ours", "baseline", "ratio", "goal", "", "note", title="Medians of alternating rounds")
    for row in rows:
        goal = "-" if row.goal is None else f"{'≥' if row.better == 'higher' else '≤'} {row.goal:g}"
        verdict = {None: "", True: "[green]met[/green]", False: "[red]missed[/red]"}[row.met]
        shown.add_row(
            row.name,
            f"{row.ours:,.4g} {row.unit}" if row.ours < 1000 else f"{row.ours:,.0f} {row.unit}",
            "-"
            if row.baseline is None
            else (f"{row.baseline:,.4g}" if row.baseline < 1000 else f"{row.baseline:,.0f}"),
            "-" if row.ratio is None else f"{row.ratio:.2f}",
            goal,
            verdict,
            row.note,
        )
    return shown


async def main(wanted: Sequence[str]) -> int:
    """Run what is named, or everything; 2 for an unknown name."""
    known = names()
    if unknown := set(wanted) - set(known):
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(known)}", file=sys.stderr)  # noqa: T201
        return 2
    console, rows = Console(width=160), list[Row]()
    for name in wanted or known:
        began = time.monotonic()
        console.print(f"{name} ...")
        module = cast("Benchmark", importlib.import_module(f"{package.__name__}.{name}"))
        rows += await module.run()
        console.print(f"{name}: {time.monotonic() - began:.0f} s")
    console.print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
