"""What a name is made of: cleaned, put in order, split, and compared. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jellyfish

from profile_service.names.folding import fold, is_han, romanised, words
from profile_service.names.surnames import (
    CHINESE,
    CHINESE_COUNTRIES,
    CHINESE_LANGUAGES,
    COMPOUND,
    DOUBLE,
    FAMILY_FIRST,
    GIVEN_FIRST,
    PARTICLES,
    READINGS,
    VIETNAMESE,
)

MAX_LENGTH: Final = 200
NAMES: Final = ("given_name", "middle_name", "family_name", "display_name")

_invisible = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_spaces = re.compile(r"\s+")
# Letters and tones that hardly any language but Vietnamese has.
_vietnamese = re.compile("[ăđơưẠ-ỹ]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NameForms:
    """A name for comparing, all of it folded: lower case, no diacritics, simplified characters.

    `given` and `family` hold their words with single spaces, and the whole name is in `given` when nothing tells where
    it divides. `all_tokens` is family before given, `sorted_tokens` the same sorted and joined, equal whichever way
    round a name was filed. `romanised` and `phonetic` (Metaphone of it) have an entry for each of `all_tokens`; Chinese
    goes by pinyin without tones.
    """

    given: str
    family: str
    all_tokens: tuple[str, ...]
    sorted_tokens: str
    romanised: tuple[str, ...]
    phonetic: tuple[str, ...]


def cleaned(value: str) -> str:
    """A name as it is kept: composed Unicode, single spaces, nothing invisible; letters and case as stated.

    Raises `ValueError`.
    """
    value = unicodedata.normalize("NFC", _invisible.sub("", value))
    if any(unicodedata.category(letter) == "Cc" and not letter.isspace() for letter in value):
        raise ValueError("Remove control characters.")
    value = _spaces.sub(" ", value).strip(" ,;")
    if not 0 < len(value) <= MAX_LENGTH:
        raise ValueError(f"Give 1 to {MAX_LENGTH} characters.")
    if not any(letter.isalnum() for letter in value):
        raise ValueError("A name has letters; leave it out when it is not known.")
    return value


def comparable(given: str | None, family: str | None, display: str | None = None) -> NameForms:
    """Forms of a name for comparing it with others; `display` counts where neither part is known.

    A part that holds the whole name is divided where family names tell how.
    """
    if not family or not given:
        part = given or family
        whole = part or display or ""
        # Two characters filed as one part are that part.
        divided = divide(whole, likely=not part or len(part) > 2)
        if divided is not None:
            given, family = divided
        elif display and not given and not family:
            given, family = display, ""
    given_words, family_words = _tokens(given or ""), _tokens(family or "")
    tokens = (*family_words, *given_words)
    latin = tuple(_reading(each, family=index < len(family_words)) for index, each in enumerate(tokens))
    return NameForms(
        given=" ".join(given_words),
        family=" ".join(family_words),
        all_tokens=tokens,
        sorted_tokens=" ".join(sorted(tokens)),
        romanised=latin,
        phonetic=tuple(jellyfish.metaphone(each) for each in latin),
    )


def display_name(traits: Mapping[str, Any]) -> str | None:
    """How to address a customer: the name they go by, or the parts in the order of their language and script.

    Parts written all in capitals or all in small letters, as lists have them, are shown with initial capitals.
    """
    if shown := traits.get("display_name"):
        return str(shown)
    given, middle, family = (str(traits.get(key) or "") for key in ("given_name", "middle_name", "family_name"))
    language = _primary(traits.get("language"))
    vietnamese = language == "vi" or (not language and _is_vietnamese(given, family))
    parts = [given, family]
    if vietnamese:
        parts = [family, middle, given]
    elif language in FAMILY_FIRST or _runs_together(given + family):
        parts = [family, given]
    parts = [part for part in parts if part]
    if _runs_together("".join(parts)):
        return "".join(parts)
    return _recased(" ".join(parts)) or None


def divide(
    name: str, language: str | None = None, country: str | None = None, *, likely: bool = False
) -> tuple[str, str] | None:
    """Given and family name of a whole name, or None where script and language do not make it safe.

    `likely` is for comparing only: it takes Chinese characters for Chinese whatever the language. Vietnamese middle
    names stay with the given name, as forms in Vietnam have them.
    """
    name = " ".join(name.split())
    family, comma, given = (part.strip() for part in name.partition(","))
    if comma:
        return (given, family) if given and family and "," not in given else None
    tongue = _primary(language)
    bare = name.replace(" ", "")
    if is_han(bare):
        chinese = tongue in CHINESE_LANGUAGES or (not tongue and country in CHINESE_COUNTRIES)
        return _divide_chinese(name, bare) if chinese or likely else None
    parts = name.split(" ")
    if tongue == "vi" or (not tongue and _vietnamese.search(name)):
        return _divide_vietnamese(parts)
    return _divide_western(parts) if tongue in GIVEN_FIRST else None


def _divide_chinese(name: str, bare: str) -> tuple[str, str] | None:
    spaced = name.split(" ")
    if len(spaced) == 2 and len(spaced[0]) <= 2:
        return spaced[1], spaced[0]
    simple = fold(bare)
    length = 0
    if simple[:2] in COMPOUND and len(bare) in {3, 4}:
        length = 2
    elif simple[:2] in DOUBLE:
        # With one character left either reading is a name.
        length = 2 if len(bare) == 4 else 0
    elif simple[0] in CHINESE and len(bare) in {2, 3}:
        length = 1
    return (bare[length:], bare[:length]) if length else None


def _divide_vietnamese(parts: list[str]) -> tuple[str, str] | None:
    if 2 <= len(parts) <= 5 and fold(parts[0]) in VIETNAMESE:
        return " ".join(parts[1:]), parts[0]
    return None


def _divide_western(parts: list[str]) -> tuple[str, str] | None:
    if not all(any(letter.isalpha() for letter in part) and not any(map(str.isdigit, part)) for part in parts):
        return None
    start = next((index for index, part in enumerate(parts) if part in PARTICLES), None)
    if start is not None and 0 < start < len(parts) - 1:
        return " ".join(parts[:start]), " ".join(parts[start:])
    return (parts[0], parts[1]) if len(parts) == 2 else None


def _tokens(part: str) -> list[str]:
    found = words(part)
    # Spaces inside a Chinese name are typography.
    return ["".join(found)] if found and all(map(is_han, found)) else found


def _reading(token: str, *, family: bool) -> str:
    return READINGS[token] if family and token in READINGS else romanised(token)


def _is_vietnamese(given: str, family: str) -> bool:
    return bool(_vietnamese.search(given + family)) and fold(family) in VIETNAMESE


def _runs_together(name: str) -> bool:
    """Chinese and Korean write family and given name without a space."""
    return is_han(name) or (bool(name) and all("\uac00" <= letter <= "\ud7a3" for letter in name))


def _primary(language: object) -> str:
    return str(language or "").replace("_", "-").partition("-")[0].lower()


def _recased(name: str) -> str:
    letters = [letter for letter in name if letter.isalpha()]
    if len(letters) < 4 or not (name.isupper() or name.islower()):
        return name
    return " ".join(_word_recased(word, index) for index, word in enumerate(name.split(" ")))


def _word_recased(word: str, index: int) -> str:
    if index and fold(word) in PARTICLES:
        return word.lower()
    return "".join(_capitalised(re.split(r"([-'\u2019])", word)))


def _capitalised(pieces: Iterable[str]) -> Iterable[str]:
    for piece in pieces:
        lower = piece.lower()
        if lower.startswith("mc") and len(lower) > 3:
            yield "Mc" + lower[2:].capitalize()
        else:
            yield lower.capitalize()
