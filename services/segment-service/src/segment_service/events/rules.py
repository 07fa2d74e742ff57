"""What a rule can read of JSON values: leaves by dotted path. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

MAX_PATHS: Final = 64
MAX_LEAVES: Final = 1_024
MAX_TEXT: Final = 256
MAX_PATH: Final = 200
MAX_DEPTH: Final = 16

_MICRO: Final = Decimal("0.000001")
_BEYOND: Final = Decimal(10) ** 18  # DECIMAL(24,6), the type that all engines compare numbers in
_plain_number = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})\Z", re.ASCII)
_time = re.compile(
    r"\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?([Zz]|[+-]\d{2}(:?\d{2})?)?)?\Z", re.ASCII
)


class Leaf(NamedTuple):
    """One value in every reading it has: a string may also be a number or a time (UTC)."""

    text: str | None = None
    number: Decimal | None = None
    flag: bool | None = None
    at: datetime | None = None


def leaf(value: Any) -> Leaf | None:
    """A scalar as rules compare it; None for null, and for a number that no engine could hold.

    A whole string counts as a number if it is written in plain digits, as a time if it is ISO 8601 (a date is its
    midnight, what names no offset is UTC).
    """
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, bool):
        return Leaf(flag=value)
    if isinstance(value, int | float | Decimal):
        number = _number(value)
        return None if number is None else Leaf(number=number)
    return None


def flatten(data: Mapping[str, Any]) -> dict[str, list[Leaf]]:
    """Leaves by dotted path; arrays are flattened and leave no mark in the path.

    The first 64 paths and 1,024 leaves count, strings with their first 256 characters.
    """
    found: dict[str, list[Leaf]] = {}
    room = MAX_LEAVES
    for path, value in _walk("", data, 0):
        here = found.get(path)
        if here is None:
            if len(found) == MAX_PATHS or len(path) > MAX_PATH or "\x00" in path:
                continue
            here = []
        each = leaf(value)
        if each is None:
            continue
        found[path] = here
        here.append(each)
        room -= 1
        if not room:
            break
    return found


def stored(leaves: Mapping[str, Iterable[Leaf]]) -> dict[str, list[Any]]:
    """Leaves as they are kept in JSON: scalars, and objects where a string has a second reading."""
    return {path: [_stored(each) for each in some] for path, some in leaves.items()}


def _walk(path: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        if depth < MAX_DEPTH:
            for key, inner in value.items():
                yield from _walk(f"{path}.{key}" if path else key, inner, depth + 1)
    elif isinstance(value, list | tuple):
        if depth < MAX_DEPTH:
            for inner in value:
                yield from _walk(path, inner, depth + 1)
    elif path:
        yield path, value


def _stored(each: Leaf) -> Any:
    if each.text is None:
        return each.flag if each.flag is not None else each.number
    if each.number is not None:
        return {"text": each.text, "number": each.number}
    if each.at is not None:
        return {"text": each.text, "at": each.at}
    return each.text


def _of_text(value: str) -> Leaf:
    text = value[:MAX_TEXT]
    if "\x00" in text:
        text = text.replace("\x00", "")
    first = value[:1]
    if not first or first not in "0123456789+-." or len(value) > 62:
        return Leaf(text)
    if _plain_number.match(value):
        return Leaf(text, _number(Decimal(value)))
    return Leaf(text, at=_moment(value)) if _time.match(value) else Leaf(text)


def _number(value: float | Decimal) -> Decimal | None:
    try:
        # By way of its shortest text, so that 0.1 is a tenth.
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        return number.quantize(_MICRO) if abs(number) < _BEYOND else None
    except (InvalidOperation, ValueError):
        return None


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text.upper())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
