"""Reading a list of numbers that somebody else keeps. Pure."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from rapport.identity import InvalidIdentifier, identity_id, normalise

MAX_ROWS: Final = 500_000
SHOWN_ERRORS: Final = 100
_DELIMITERS: Final = ",;\t|"
_EXPIRES: Final = "expires_at"


@dataclass(slots=True)
class Numbers:
    """Identities of a list with when each entry ends, and the rows that could not be taken."""

    found: dict[UUID, datetime | None] = field(default_factory=dict)
    rows: int = 0
    rejected: int = 0
    errors: list[tuple[int, str]] = field(default_factory=list)


class NoSuchColumn(ValueError):
    """The list has no column of this name, or nothing in it."""


class TooLong(ValueError):
    """The list has too many rows for one call."""


def read(content: bytes, kind: str, column: str | None, country: str, expires_at: datetime | None) -> Numbers:
    """All entries of a CSV; raises `NoSuchColumn` or `TooLong`. A list of bare numbers needs no heading."""
    rows = _rows(content)
    try:
        heading = [cell.strip() for cell in next(rows)]
    except StopIteration as error:
        raise NoSuchColumn("The file is empty.") from error
    numbers = Numbers()
    at, ends = _columns(heading, kind, column, country)
    line = 1
    if at is None:
        at, ends = 0, None
        _take(numbers, heading, line, kind, (at, ends), country, expires_at)
    for line, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        if numbers.rows >= MAX_ROWS:
            raise TooLong(f"A call takes {MAX_ROWS} rows; send the rest in another, with mode add.")
        _take(numbers, row, line, kind, (at, ends), country, expires_at)
    return numbers


def _rows(content: bytes) -> Iterator[list[str]]:
    text = content.decode("utf-8-sig", errors="replace")
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _columns(heading: list[str], kind: str, column: str | None, country: str) -> tuple[int | None, int | None]:
    """Where the numbers and their ends are; None for the numbers when there is no heading."""
    ends = heading.index(_EXPIRES) if _EXPIRES in heading else None
    if column is not None:
        if column not in heading:
            raise NoSuchColumn(f"There is no column {column}.")
        return heading.index(column), ends
    if kind in heading:
        return heading.index(kind), ends
    try:
        normalise(kind, heading[0], country=country)
    except InvalidIdentifier:
        return 0, ends
    return None, None


def _take(
    numbers: Numbers,
    row: list[str],
    line: int,
    kind: str,
    columns: tuple[int, int | None],
    country: str,
    expires_at: datetime | None,
) -> None:
    at, ends = columns
    numbers.rows += 1
    try:
        value = normalise(kind, row[at] if at < len(row) else "", country=country)
        said = row[ends].strip() if ends is not None and ends < len(row) else ""
        numbers.found[identity_id(kind, value)] = _end(said) if said else expires_at
    except (InvalidIdentifier, ValueError) as error:
        numbers.rejected += 1
        if len(numbers.errors) < SHOWN_ERRORS:
            numbers.errors.append((line, getattr(error, "detail", str(error))))


def _end(said: str) -> datetime:
    try:
        found = datetime.fromisoformat(said)
    except ValueError as error:
        raise ValueError("expires_at is no date.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
