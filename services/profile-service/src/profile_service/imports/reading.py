"""The rows of a file one after the other, however long it is; what cannot be read as a row is a fault."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, BinaryIO, Final, NamedTuple
from uuid import UUID

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from profile_service.imports.files import FileFormat, UnreadableFile

_MAX_LINE: Final = 1 << 20
_PARQUET_ROWS: Final = 1_000
_MISSING: Final = object()


class Row(NamedTuple):
    """A row by its number, from 1: the values of the columns asked for, or why it cannot be read."""

    number: int
    values: Sequence[Any]
    fault: str | None = None


def rows_of(file: BinaryIO, how: FileFormat, columns: Sequence[str], skip: int = 0) -> Iterator[Row]:
    """Rows after the first `skip`, each with its values for `columns`; null where it has none."""
    file.seek(0)
    if how.format == "parquet":
        return _parquet(file, columns, skip)
    if how.format == "ndjson":
        return _text(file, how, lambda lines: _objects(lines, columns, skip))
    return _text(file, how, lambda lines: _cells(lines, how, columns, skip))


def _text(file: BinaryIO, how: FileFormat, read: Callable[["_Lines"], Iterator[Row]]) -> Iterator[Row]:
    lines = _Lines(file, how)
    try:
        yield from read(lines)
    finally:
        lines.let_go()


class _Lines:
    """Lines of a text, long ones cut short and noted; those read since `mark` can be given back but for the first."""

    def __init__(self, file: BinaryIO, how: FileFormat) -> None:
        # `replace` leaves a trace by which the rows that were damaged are told.
        self._text = io.TextIOWrapper(file, how.codec, errors="replace", newline="")
        if how.byte_order_mark:
            self._text.read(1)
        self._back: list[str] = []
        self.since: list[str] = []
        self.cut = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._back.pop() if self._back else self._text.readline(_MAX_LINE)
        if not line:
            raise StopIteration
        if len(line) >= _MAX_LINE and line[-1] not in "\r\n":
            self.cut = True
            while (more := self._text.readline(_MAX_LINE)) and more[-1] not in "\r\n":
                pass
        self.since.append(line)
        return line

    def begin(self) -> None:
        """Begin to count what is read for the next row."""
        self.since.clear()
        self.cut = False

    def let_go(self) -> None:
        """Leave the file to whoever opened it."""
        self._text.detach()

    def give_back(self) -> None:
        """Read all lines since `begin` again, but for the first."""
        self._back += reversed(self.since[1:])


def _cells(lines: _Lines, how: FileFormat, columns: Sequence[str], skip: int) -> Iterator[Row]:
    places = [how.columns.index(column) for column in columns]
    width, number = len(how.columns), -1
    for _ in range(how.lead):
        next(lines, None)
    # Strict: a quote that is never closed must not swallow the rest of the file.
    reader = csv.reader(lines, delimiter=how.delimiter or ",", quotechar=how.quote or '"', strict=True)
    while True:
        lines.begin()
        fault: str | None = None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lines.give_back()
            cells, fault = [], f"The row cannot be taken apart: {error}."
        if fault is None and not any(cells):
            continue
        number += 1
        if number == 0 or number <= skip:
            continue
        if lines.cut:
            fault = f"The line is longer than {_MAX_LINE:,} characters."
        elif fault is None and (len(cells) < width or any(cells[width:])):
            fault = f"The row has {len(cells)} cells where the header has {width}."
        yield Row(number, () if fault else [cells[place] for place in places], fault)


def _objects(lines: _Lines, columns: Sequence[str], skip: int) -> Iterator[Row]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    number = 0
    for line in lines:
        cut = lines.cut
        lines.begin()
        if not line.strip():
            continue
        number += 1
        if number <= skip:
            continue
        if cut:
            yield Row(number, (), f"The line is longer than {_MAX_LINE:,} characters.")
            continue
        try:
            value = decode(line)
        except (msgspec.MsgspecError, UnicodeError):
            yield Row(number, (), "The line is not a JSON object.")
        except RecursionError:
            yield Row(number, (), "The JSON is nested too deep.")
        else:
            yield Row(number, [member(value, column) for column in columns])


def member(value: dict[str, Any], name: str) -> Any:
    """The member of that name, or at that dotted path; None where there is none."""
    found = value.get(name, _MISSING)
    if found is not _MISSING:
        return found
    head, dot, rest = name.partition(".")
    while dot:
        inner = value.get(head)
        if isinstance(inner, dict):
            return member(inner, rest)
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return None


def _parquet(file: BinaryIO, columns: Sequence[str], skip: int) -> Iterator[Row]:
    number = 0
    try:
        opened = pq.ParquetFile(file)
        tops = [name for name in opened.schema_arrow.names if any(_lies_in(each, name) for each in columns)]
        for group in range(opened.num_row_groups):
            size = opened.metadata.row_group(group).num_rows
            if number + size <= skip:
                number += size
                continue
            for batch in opened.iter_batches(_PARQUET_ROWS, row_groups=[group], columns=tops):
                for record in batch.to_pylist():
                    number += 1
                    if number > skip:
                        yield Row(number, [_plain(member(record, column)) for column in columns])
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFile(f"The Parquet file is damaged after row {number}.") from error


def _lies_in(column: str, name: str) -> bool:
    return column == name or column.startswith(name + ".")


def _plain(value: Any) -> Any:
    """The value as JSON has it."""
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal():
            return int(value) if value == value.to_integral_value() and abs(value) < 2**63 else float(value)
        case dict():
            return {str(key): _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case bytes():
            return value.decode("utf-8", "replace")
        case _:
            return str(value) if isinstance(value, UUID) else value
