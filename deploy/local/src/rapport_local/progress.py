"""What the launcher tells whoever started it: a spinner on a terminal, plain lines elsewhere."""

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console


class Progress:
    """Says what happens; a terminal that has gone away does not stop the work."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """One line, as it stands."""
        with contextlib.suppress(OSError):
            self.console.print(text, markup=False)

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Show that `text` goes on, then that it is done and how long it took."""
        began = time.monotonic()
        with self.console.status(text) if self.console.is_terminal else contextlib.nullcontext():
            yield
        self.say(f"{text}: {time.monotonic() - began:.1f} s")
