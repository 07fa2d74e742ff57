"""Folding names for comparing: case, width, diacritics, traditional characters, apostrophes. Pure."""

import re
import unicodedata
from functools import cache, lru_cache
from typing import Final

from anyascii import anyascii
from opencc import OpenCC

_ROUNDS: Final = 6
_HAN: Final = ((0x3400, 0x9FFF), (0x20000, 0x323AF))
_apostrophes = re.compile("['`\u00b4\u02b9\u02bb\u02bc\u2018\u2019\u201b\u05f3\uff07]")
# Accents of Latin, Greek and Cyrillic, points of Hebrew and Arabic. The marks of Thai, Indic and kana are letters.
_accents = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]")
_not_words = re.compile(r"[\W_]+", re.ASCII)


def fold(text: str) -> str:
    """`text` as it is compared and searched: lower case, without diacritics, Chinese in simplified characters.

    Idempotent; display keeps what was stated.
    """
    if text.isascii():
        return text.lower()
    return _folded(text)


@lru_cache(maxsize=65_536)
def _folded(text: str) -> str:
    for _ in range(_ROUNDS):
        folded = unicodedata.normalize("NFKC", text).casefold()
        folded = "".join(map(_plain_letter, folded))
        folded = unicodedata.normalize("NFC", _accents.sub("", unicodedata.normalize("NFD", folded)))
        if folded == text:
            break
        text = folded
    return text


def words(text: str) -> list[str]:
    """Folded words in order; an apostrophe joins (`O'Brien` is `obrien`), a hyphen divides (`Jean-Luc` is two)."""
    text = _apostrophes.sub("", fold(text))
    if not text.isascii():
        # Marks are parts of words: what \\w of the standard library leaves out, Thai and Hindi need.
        text = "".join(each if unicodedata.category(each)[0] in "LMN" else " " for each in text)
        return text.split()
    return [each for each in _not_words.split(text) if each]


@lru_cache(maxsize=65_536)
def romanised(text: str) -> str:
    """A folded word in Latin letters, Chinese in pinyin without tones; rough for other scripts, empty where none."""
    return text if text.isascii() else _not_words.sub("", anyascii(text).lower())


def is_han(text: str) -> bool:
    """Whether all of a text that is not empty is Chinese characters."""
    return bool(text) and all(_is_han_letter(letter) for letter in text)


def _is_han_letter(letter: str) -> bool:
    code = ord(letter)
    return any(first <= code <= last for first, last in _HAN)


def _plain_letter(letter: str) -> str:
    if letter < "\u0080":
        return letter
    if _is_han_letter(letter):
        return _simplified().get(letter, letter)
    return _latin(letter)


@lru_cache(maxsize=4_096)
def _latin(letter: str) -> str:
    """đ, ł, ø and the like have no decomposition; letters of other scripts stay."""
    return anyascii(letter).lower() if unicodedata.name(letter, "").startswith("LATIN ") else letter


@cache
def _simplified() -> dict[str, str]:
    """One simplified character for each traditional one, by OpenCC.

    Character by character on purpose: conversion by phrase would fold a name in two ways, alone and beside another.
    """
    letters = [chr(code) for first, last in _HAN for code in range(first, last + 1)]
    converted = OpenCC("t2s").convert("\n".join(letters)).split("\n")
    return {letter: simple for letter, simple in zip(letters, converted, strict=True) if letter != simple}
