"""Records as they are compared: names, birth dates, addresses and contact points in forms that stand misspelling."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import jellyfish
import pyarrow as pa

from profile_service.matching.linkage.nicknames import formal_names
from profile_service.names.folding import fold, words
from profile_service.names.rules import NameForms, comparable

_OTHER: Final = "x"  # stands for the other part of a name
_PHONE_DIGITS: Final = 9  # without country code and trunk prefix, however the number was written


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one person; `birth_date` is `YYYY-MM-DD`. Records that are not `changed` are not compared
    with each other: that was done before."""

    given_name: str | None = None
    family_name: str | None = None
    display_name: str | None = None
    birth_date: str | None = None
    street: str | None = None
    city: str | None = None
    region: str | None = None
    postcode: str | None = None
    email: str | None = None
    phone: str | None = None
    changed: bool = True


_TEXT: Final = (
    *("given", "family", "names", "given_latin", "family_latin", "given_sound", "family_sound"),
    *("birth", "birth_swapped", "birth_digits", "number", "street", "street_sorted"),
    *("city", "region", "postcode", "postcode_digits", "email", "email_user", "phone"),
)
SCHEMA: Final = pa.schema(
    [
        ("unique_id", pa.int64()),
        ("changed", pa.bool_()),
        ("given_formal", pa.list_(pa.string())),
        ("email_own", pa.bool_()),
    ]
    + [(name, pa.string()) for name in _TEXT]
)


def prepared(records: Iterable[Record]) -> pa.Table:
    """A row for each record, `unique_id` its number from 0 on; what is not known is null."""
    rows = [_row(number, record) for number, record in enumerate(records)]
    columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _row(number: int, record: Record) -> tuple[Any, ...]:
    names = _names(record.given_name, record.family_name, record.display_name)
    birth = (record.birth_date or "").replace("-", "")[:8] or None
    house, street, sorted_street = _street(record.street) if record.street else (None, None, None)
    postcode = _plain(record.postcode)
    email = fold(record.email) if record.email else None
    user = email and email.partition("@")[0]
    return (
        number,
        record.changed,
        names.given.formal,
        user and not _made_of_names(user, names),
        names.given.written,
        names.family.written,
        names.whole,
        names.given.latin,
        names.family.latin,
        names.given.sound,
        names.family.sound,
        birth,
        birth and birth[:4] + birth[6:] + birth[4:6],
        birth and "".join(sorted(birth)),
        house,
        street,
        sorted_street,
        _plain(record.city),
        _plain(record.region),
        postcode,
        postcode and "".join(sorted(postcode)),
        email,
        user,
        (record.phone and "".join(filter(str.isdigit, record.phone))[-_PHONE_DIGITS:]) or None,
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """A given or a family name: its words, and these run together as written, in Latin letters and as they sound."""

    tokens: tuple[str, ...]
    written: str | None
    latin: str | None
    sound: str | None
    formal: list[str] | None


@dataclass(frozen=True, slots=True)
class _Names:
    given: _Part
    family: _Part
    whole: str | None


def _names(given: str | None, family: str | None, display: str | None) -> _Names:
    # One part alone may hold the whole name.
    parts = (_given(given), _family(family)) if given and family else _divided(given, family, display)
    return _Names(*parts, " ".join(sorted(parts[0].tokens + parts[1].tokens)) or None)


_not_letters = re.compile(r"[^a-z]+")
_INITIALS: Final = 2


def _made_of_names(user: str, names: _Names) -> bool:
    """Whether the part of an e-mail address before the @ is no more than names, initials and digits."""
    left = _not_letters.sub("", user)
    for name in sorted(filter(None, (names.given.latin, names.family.latin)), key=len, reverse=True):
        left = left.replace(name, "", 1)
    return len(left) <= _INITIALS


# Names are few, their combinations many: each part is looked at by itself.
@lru_cache(maxsize=1 << 17)
def _given(given: str) -> _Part:
    return _parts(comparable(given, _OTHER))[0]


@lru_cache(maxsize=1 << 17)
def _family(family: str) -> _Part:
    return _parts(comparable(_OTHER, family))[1]


@lru_cache(maxsize=1 << 12)
def _divided(given: str | None, family: str | None, display: str | None) -> tuple[_Part, _Part]:
    return _parts(comparable(given, family, display))


def _parts(forms: NameForms) -> tuple[_Part, _Part]:
    families = len(forms.family.split())
    return _part(forms.all_tokens[families:], forms.romanised[families:]), _part(
        forms.all_tokens[:families], forms.romanised[:families]
    )


def _part(tokens: tuple[str, ...], romanised: tuple[str, ...]) -> _Part:
    latin = "".join(romanised)
    return _Part(
        tokens=tokens,
        written="".join(tokens) or None,
        latin=latin or None,
        sound=jellyfish.metaphone(latin) or latin or None,
        formal=formal_names(tokens[0]) if tokens else None,
    )


@lru_cache(maxsize=1 << 16)
def _plain(text: str | None) -> str | None:
    """Letters and digits alone: spaces and hyphens come and go."""
    return "".join(words(text)) or None if text else None


_pieces = re.compile(r"\d+(?:[a-zA-Z]\b)?|\D+")


def _street(street: str) -> tuple[str | None, str | None, str | None]:
    """House number, the rest run together, and the rest with its words sorted: parts of an address change places."""
    numbers: list[str] = []
    rest: list[str] = []
    for piece in _pieces.findall(street):
        if piece[0].isdigit():
            numbers.append(fold(piece))
        else:
            rest += _words(piece)
    return (numbers[0] if numbers else None, "".join(rest) or None, "".join(sorted(rest)) or None)


# Without house numbers streets are few.
@lru_cache(maxsize=1 << 17)
def _words(text: str) -> tuple[str, ...]:
    return tuple(words(text))
