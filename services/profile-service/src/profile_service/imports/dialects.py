"""Guessing how a delimited file is written: what separates its cells, what quotes them. Pure."""

import csv
from collections import Counter
from collections.abc import Collection
from typing import Final, NamedTuple

DELIMITERS: Final = (",", ";", "\t", "|", "\x1f", ":", "^", "~")
_SAMPLE_ROWS: Final = 200
_UNLIKELY: Final = frozenset(":^~\x1f")


class Dialect(NamedTuple):
    """How cells are separated and quoted."""

    delimiter: str
    quote: str


class Found(NamedTuple):
    """A dialect and the first row read in it."""

    dialect: Dialect
    header: list[str]


def guess(text: str, wanted: Collection[str], delimiters: Collection[str] = DELIMITERS, *, whole: bool) -> Found:
    """The dialect, one with these `delimiters`, in which `text`, the beginning of a file or all of it, looks most like
    a table.

    The one in which the columns `wanted` are in the header is preferred; raises `ValueError` for a text without rows.
    """
    best: tuple[tuple[float, ...], Found] | None = None
    for quote in ('"', "'"):
        for place, delimiter in enumerate(delimiters):
            dialect = Dialect(delimiter, quote)
            rows = _rows(text, dialect, whole=whole)
            if not rows:
                continue
            score = (*_score(rows, wanted, delimiter), float(quote == '"') or _quoted(text, dialect), -float(place))
            if best is None or score > best[0]:
                best = score, Found(dialect, rows[0])
    if best is None:
        raise ValueError("The file has no rows.")
    return best[1]


def _rows(text: str, dialect: Dialect, *, whole: bool) -> list[list[str]]:
    lines = text.splitlines(keepends=True)
    if not whole and len(lines) > 1:
        lines.pop()
    rows: list[list[str]] = []
    reader = csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote)
    while len(rows) < _SAMPLE_ROWS:
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error:
            continue
        if any(cell.strip() for cell in row):
            rows.append(row)
    return rows


def _score(rows: list[list[str]], wanted: Collection[str], delimiter: str) -> tuple[float, ...]:
    """Columns found, then how many rows are as wide as the header, then how wide it is."""
    header = {cell.strip() for cell in rows[0]}
    found = sum(column in header for column in wanted) / len(wanted) if wanted else 0.0
    width = len(rows[0])
    alike = Counter(len(row) for row in rows)[width] / len(rows)
    table = alike if width > 1 else 0.0
    return found, round(table, 2) * (0.5 if delimiter in _UNLIKELY else 1.0), float(min(width, 50))


def _quoted(text: str, dialect: Dialect) -> float:
    """1.5 when cells are plainly enclosed in the other quote, else 0."""
    mark, delimiter = dialect.quote, dialect.delimiter
    enclosed = text.count(f"{delimiter}{mark}") + text.count(f"\n{mark}")
    closed = text.count(f"{mark}{delimiter}") + text.count(f"{mark}\n") + text.count(f"{mark}\r")
    return 1.5 if text.startswith(mark) and enclosed >= 2 and closed >= 2 else 0.0
