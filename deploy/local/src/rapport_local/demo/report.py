"""What the demonstration shows and what it found: chapters, tables, checks."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


class Report:
    """Prints for a person and remembers whether every check held."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.failed: list[str] = []
        self.passed = 0
        self.addresses: list[tuple[str, str]] = []
        self._chapters = 0

    def chapter(self, title: str) -> None:
        """Begin the next part of the story."""
        self._chapters += 1
        self.console.print(f"\n[bold]{self._chapters}. {title}[/bold]")

    def say(self, text: str) -> None:
        """One line of the story."""
        self.console.print(f"   {text}", markup=False)

    def check(self, holds: bool, claim: str, found: Any = None) -> None:
        """Show whether a claim of the story holds, with what was found where it does not."""
        if holds:
            self.passed += 1
            self.console.print(f"   [green]✓[/green] {claim}")
            return
        self.failed.append(claim)
        self.console.print(f"   [red]✗ {claim}[/red]")
        if found is not None:
            self.console.print(f"     found: {found!r}"[:600], markup=False)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A table; the first column is text, the others are figures."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("  " + columns[0])
        for column in columns[1:]:
            table.add_column(column, justify="right")
        for row in rows:
            table.add_row("   " + str(row[0]), *(str(cell) for cell in row[1:]))
        self.console.print(table)

    def look_at(self, what: str, where: str) -> None:
        """Something to look at when the story is over."""
        self.addresses.append((what, where))

    def end(self) -> int:
        """The closing lines and the exit code: 0 if every check held."""
        self.console.print("\n[bold]To look at[/bold]")
        for what, where in self.addresses:
            self.say(f"{what}: {where}")
        if self.failed:
            self.console.print(f"\n[red]{len(self.failed)} of {self.passed + len(self.failed)} checks failed.[/red]")
            return 1
        self.console.print(f"\n[green]All {self.passed} checks held.[/green]")
        return 0
