"""What a query asks for, how like a customer is to it, and in which order to show them. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import jellyfish

from profile_service.names.folding import fold, is_han, romanised, words
from profile_service.names.rules import comparable

MAX_WORDS: Final = 6
MAX_WORD: Final = 60
NEAREST: Final = 12  # spellings of one word of the query
_ALIKE: Final = 0.6
_SAME_SOUND: Final = 0.85
_INITIAL: Final = 0.6
_phone = re.compile(r"[\d\s()+./\-\u2010-\u2015]+")
_email = re.compile(r"[^\s@,;]{2,}(@[^\s@,;]*)?")

Rank = tuple[int, float, int, UUID]


@dataclass(frozen=True, slots=True)
class Indexed:
    """The words of a customer's names, present and past, as they are found by; those of the present ones."""

    words: tuple[str, ...]
    current: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody typed, read as a name, as (the beginning of) an e-mail address and as the end of a phone number."""

    words: tuple[str, ...]
    email: str | None
    digits: str | None


def read(text: str) -> Query:
    """The readings of a query."""
    plain = unicodedata.normalize("NFKC", text).strip()
    digits = "".join(str(unicodedata.decimal(each)) for each in plain if each.isdecimal()).lstrip("0")
    named = tuple(dict.fromkeys(each[:MAX_WORD] for each in words(text)))[:MAX_WORDS]
    return Query(
        words=named,
        email=plain.lower() if _email.fullmatch(plain) else None,
        digits=digits if len(digits) >= 4 and _phone.fullmatch(plain) else None,
    )


def index(current: Mapping[str, Any], past: Iterable[str]) -> Indexed:
    """Words of the names among current traits, and of names that no longer count or lost to others."""
    now = dict.fromkeys(_of_whole(current))
    before = [word for name in past for word in _of_part(name)]
    return Indexed(tuple(dict.fromkeys([*now, *before])), tuple(now))


def sound(word: str) -> str:
    """How a folded word sounds: Chinese in pinyin without tones, the rest by Metaphone."""
    return romanised(word) if is_han(word) else jellyfish.metaphone(romanised(word))


def letters(word: str) -> str:
    """The letters of a word in order: the same whichever of them were swapped."""
    return "".join(sorted(word))


def likeness(asked: str, word: str) -> float:
    """How like a word of a name is to one of the query, 0 to 1; 0 below what counts as the same word misspelt."""
    if asked == word:
        return 1.0
    best = 0.0
    if word.startswith(asked):
        best = 0.7 + 0.2 * len(asked) / len(word)
    elif word == asked[:1] and word.isascii():
        best = _INITIAL
    longest = max(len(asked), len(word))
    if is_han(asked) and is_han(word) and romanised(asked) == romanised(word):
        return max(best, _SAME_SOUND)
    alike = 1 - jellyfish.damerau_levenshtein_distance(asked, word) / longest
    if len(asked) > 2 and sound(asked) == sound(word):
        alike = min((alike + 1) / 2, 0.95)
    return max(best, alike if alike >= _ALIKE else 0.0)


def nearest(asked: str, candidates: Iterable[str]) -> dict[str, float]:
    """The candidates that may be meant by a word of the query, with their likeness; the word itself always."""
    scored = {word: likeness(asked, word) for word in candidates}
    ranked = sorted(((-score, word) for word, score in scored.items() if score), key=lambda each: each)[:NEAREST]
    found = {word: -score for score, word in ranked}
    if asked.isascii():
        found.setdefault(asked[0], _INITIAL if len(asked) > 1 else 1.0)
    return {**found, asked: 1.0}


def rank(profile_id: UUID, found: Indexed, meant: Sequence[Mapping[str, float]]) -> Rank:
    """Place in the answer, smaller first: present names before past ones, then likeness, then the shorter name."""
    current, past = _score(found.current, meant), _score(found.words, meant)
    is_past = past - current > 1e-9
    return int(is_past), -round(past, 4), len(found.current if not is_past else found.words), profile_id


def rank_contact(profile_id: UUID, asked: str, value: str) -> Rank:
    """Place of a customer found by a contact point: the whole one before a whole local part, then by the part given."""
    local, at, _ = value.partition("@")
    if asked in {value, value.lstrip("+")}:
        score = 1.0
    elif at and asked == local:
        score = 0.95
    else:
        score = 0.5 + 0.4 * min(len(asked) / len(value), 1.0)
    return 0, -round(score, 4), 0, profile_id


def _score(have: Iterable[str], meant: Sequence[Mapping[str, float]]) -> float:
    mine = tuple(have)
    return sum(max((each.get(word, 0.0) for word in mine), default=0.0) for each in meant) / len(meant)


def _of_whole(traits: Mapping[str, Any]) -> Iterable[str]:
    given = " ".join(str(traits[key]) for key in ("middle_name", "given_name") if traits.get(key))
    family, display = (str(traits.get(key) or "") for key in ("family_name", "display_name"))
    yield from _forms(given, family, display)
    if display:
        yield from _forms("", "", display)


def _of_part(name: str) -> Iterable[str]:
    yield from _forms("", "", name)


def _forms(given: str, family: str, display: str) -> Iterable[str]:
    forms = comparable(given, family, display)
    yield from (each[:MAX_WORD] for each in forms.all_tokens)
    if is_han("".join(forms.all_tokens)):
        # A Chinese name is typed without spaces, and as one word or two in pinyin.
        yield "".join(forms.all_tokens)[:MAX_WORD]
        yield "".join(forms.romanised)[:MAX_WORD]
    yield from (each[:MAX_WORD] for each in forms.romanised if each)
    if any(not each.isascii() for each in forms.all_tokens):
        return
    whole = fold(display or f"{given} {family}")
    if "-" in whole:
        yield from (each.replace("-", "")[:MAX_WORD] for each in whole.split() if "-" in each and each[0] != "-")
