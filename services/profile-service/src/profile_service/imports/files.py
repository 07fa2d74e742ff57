"""Recognising an uploaded file: what format it has and, for text, how it is written."""

import codecs
import json
import re
from collections.abc import Collection
from typing import BinaryIO, Final, Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from rapport.errors import Invalid

from profile_service.imports import dialects, encodings

_BLOCK: Final = 1 << 20
_SAMPLE: Final = 1 << 18
_PARQUET: Final = b"PAR1"
_OTHERS: Final = (b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"%PDF-")
# What Excel writes above the header where the delimiter is not the usual one.
_SEPARATOR = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
_MARKUP = re.compile(r"\s*<(!doctype|html|table|\?xml)", re.IGNORECASE)
_FULL_LINES_ONLY = re.compile(rb"[^\n]*[\x80-\xff][^\n]*\n?")


# Names as the registry of the Internet has them, and the codecs that read what goes by them in practice.
_NAMES: Final = {"cp950": "big5", "cp1252": "windows-1252", "cp1258": "windows-1258"}
_NOT_FOR_FILES: Final = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined", "utf-7"})
_CODECS: Final = {"big5": "cp950"}


class FileFormat(msgspec.Struct, frozen=True):
    """How a file is read. `columns` are in its own order; for NDJSON those met at its beginning, dotted when nested."""

    format: Literal["csv", "ndjson", "parquet"]
    columns: list[str]
    encoding: str | None = None
    byte_order_mark: bool = False
    delimiter: str | None = None
    quote: str | None = None
    rows: int = 0
    lead: int = 0
    """Lines before the header."""

    @property
    def codec(self) -> str:
        """Name of the codec that reads the text."""
        return _CODECS.get(self.encoding or "", self.encoding or "utf-8")


class UnreadableFile(Invalid):
    name, title = "unreadable-file", "The file cannot be read as a list"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, errors=[{"pointer": "/file", "detail": detail}])


def recognise(file: BinaryIO, wanted: Collection[str], country: str, charset: str | None = None) -> FileFormat:
    """The format of `file`; the columns `wanted` help to tell delimiters apart, `charset` overrides the guess.

    Its `rows` are exact for Parquet, else an estimate. Raises `UnreadableFile`.
    """
    file.seek(0)
    head = file.read(_SAMPLE)
    if not head.strip():
        raise UnreadableFile("The file is empty.")
    if head.startswith(_PARQUET):
        return _parquet(file)
    if head.startswith(_OTHERS):
        raise UnreadableFile("This is a workbook, a document or an archive; send the list as CSV, NDJSON or Parquet.")
    return _text(file, head, wanted, country, charset)


def _parquet(file: BinaryIO) -> FileFormat:
    file.seek(0)
    try:
        opened = pq.ParquetFile(file)
        columns = list(opened.schema_arrow.names)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableFile("This begins like a Parquet file but cannot be read as one.") from error
    return FileFormat("parquet", columns, rows=opened.metadata.num_rows)


def _text(file: BinaryIO, head: bytes, wanted: Collection[str], country: str, charset: str | None) -> FileFormat:
    marked = encodings.mark_of(head)
    telling, lines, utf8 = _survey(file)
    whole = len(head) < _SAMPLE
    if marked is not None:
        encoding, mark = marked
    else:
        mark = b""
        encoding = _named(charset) if charset else ("utf-8" if utf8 else "")
        encoding = encoding or encodings.guess(telling or head, country, whole=True)
    if marked is None and not charset and (wide := encodings.guess(head, country, whole=whole)).startswith("utf-16"):
        encoding = wide
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head[len(mark) :], final=whole)
    rows, encoding = max(0, lines), _NAMES.get(encoding, encoding)
    if text.lstrip().startswith("{"):
        columns = _members(text, whole=whole)
        return FileFormat("ndjson", columns, encoding, byte_order_mark=bool(mark), rows=rows)
    if text.lstrip().startswith("[") and text.lstrip()[1:].lstrip().startswith(("{", "[")):
        raise UnreadableFile("This is a JSON array; send NDJSON, which has one object in each line.")
    if _MARKUP.match(text):
        raise UnreadableFile("This is a page or a document of markup; send the list as CSV, NDJSON or Parquet.")
    lead = 0
    delimiters: Collection[str] = dialects.DELIMITERS
    if (said := _SEPARATOR.match(text)) is not None:
        text, lead, delimiters = text[said.end() :], 1, (str(said[1]),)
    try:
        (delimiter, quote), header = dialects.guess(text, wanted, delimiters, whole=whole)
    except ValueError as error:
        raise UnreadableFile(str(error)) from error
    columns = [cell.strip() for cell in header]
    return FileFormat("csv", columns, encoding, bool(mark), delimiter, quote, rows=max(0, rows - 1 - lead), lead=lead)


def _named(charset: str) -> str:
    try:
        "".encode(charset)
        name = codecs.lookup(charset).name
    except (LookupError, UnicodeError) as error:
        raise UnreadableFile(f"There is no encoding named {charset!r}.") from error
    if name in _NOT_FOR_FILES:
        raise UnreadableFile(f"{charset} is not an encoding of files.")
    return {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(name, name)


def _survey(file: BinaryIO) -> tuple[bytes, int, bool]:
    """Of the whole file: lines with bytes beyond ASCII as far as they fit, how many lines, whether it is UTF-8."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    telling, lines, utf8, last = bytearray(), 0, True, b""
    while block := file.read(_BLOCK):
        lines += block.count(b"\n")
        last = block
        if utf8:
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                utf8 = False
        if len(telling) < _SAMPLE and not block.isascii():
            _collect(telling, block)
    if last and not last.endswith(b"\n"):
        lines += 1
    if utf8:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            utf8 = False
    return bytes(telling), lines, utf8


def _collect(telling: bytearray, block: bytes) -> None:
    # The first and last line of a block may be cut in the middle of a character.
    start, end = block.find(b"\n") + 1, block.rfind(b"\n") + 1
    inner = block[start:end] if 0 < start < end and len(block) == _BLOCK else block
    for line in _FULL_LINES_ONLY.finditer(inner):
        telling += line[0]
        if len(telling) >= _SAMPLE:
            return


def _members(text: str, *, whole: bool) -> list[str]:
    """Names in the objects at the beginning, nested ones dotted, in the order met."""
    lines = text.splitlines()
    if not whole and len(lines) > 1:
        lines.pop()
    found: dict[str, None] = {}
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            _names(value, "", found)
    if not found:
        raise UnreadableFile("No line is a JSON object; NDJSON has one in each line.")
    return list(found)


def _names(value: dict[str, object], prefix: str, found: dict[str, None]) -> None:
    for name, each in value.items():
        found[prefix + name] = None
        if isinstance(each, dict):
            _names(each, f"{prefix}{name}.", found)
