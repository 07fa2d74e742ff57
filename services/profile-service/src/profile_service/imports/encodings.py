"""Guessing how a text file is encoded. Pure.

Unicode announces itself by its mark, its zeros or by being valid. The rest is decided by plausibility: of the encodings
in which the bytes can be read at all, the one in which they are made of what people write most.
"""

import codecs
import re
import unicodedata
from typing import Final

from charset_normalizer import from_bytes

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Lead bytes of the characters that the standard counts as frequent.
_FREQUENT_BIG5: Final = range(0xA4, 0xC7)
_FREQUENT_GB: Final = range(0xB0, 0xD8)
_DOUBLE = re.compile(rb"[\x81-\xfe][\x30-\xff]")
_COMBINING: Final = "\u0300\u0301\u0303\u0309\u0323"
_VIETNAMESE_VOWELS: Final = frozenset("aăâeêioôơuưyAĂÂEÊIOÔƠUƯY")
_PLAUSIBLE_DOUBLE: Final = 0.85
_WIDE_COUNTRIES: Final = {"TW": "big5", "HK": "big5", "MO": "big5", "CN": "gb18030", "SG": "gb18030"}


def mark_of(head: bytes) -> tuple[str, bytes] | None:
    """The Unicode encoding that a byte order mark announces, and the mark."""
    return next(((name, mark) for mark, name in _MARKS if head.startswith(mark)), None)


def guess(sample: bytes, country: str, *, whole: bool) -> str:
    """Name of the encoding of `sample` (without a mark), the beginning of a file or all of it.

    `country` decides between readings that are equally plausible.
    """
    if wide := _without_mark(sample):
        return wide
    if _decodes(sample, "utf-8", whole=whole):
        return "utf-8"
    scores = {name: _east_asian(sample, name, whole=whole) for name in ("big5", "gb18030")}
    home = _WIDE_COUNTRIES.get(country)
    best = max(scores, key=lambda name: (scores[name], name == home))
    if home is not None and scores[home] >= _PLAUSIBLE_DOUBLE and scores[best] - scores[home] < 0.05:
        best = home
    if scores[best] >= _PLAUSIBLE_DOUBLE:
        return "cp950" if best == "big5" else "gb18030"
    if _vietnamese(sample, country):
        return "cp1258"
    return _other(sample, whole=whole)


def _without_mark(sample: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of the ASCII in it is zero."""
    pairs = len(sample) // 2
    if not pairs:
        return None
    if sample[1::2].count(0) > 0.4 * pairs and sample[::2].count(0) < 0.1 * pairs:
        return "utf-16-le"
    if sample[::2].count(0) > 0.4 * pairs and sample[1::2].count(0) < 0.1 * pairs:
        return "utf-16-be"
    return None


def _decodes(sample: bytes, name: str, *, whole: bool) -> bool:
    try:
        codecs.getincrementaldecoder(name)().decode(sample, final=whole)
    except UnicodeDecodeError:
        return False
    return True


def _east_asian(sample: bytes, name: str, *, whole: bool) -> float:
    """Share of the double-byte characters that are frequent ones, 0 when the bytes cannot be read so."""
    codec = "cp950" if name == "big5" else name
    if not _decodes(sample, codec, whole=whole):
        return 0.0
    frequent = _FREQUENT_BIG5 if name == "big5" else _FREQUENT_GB
    pairs = _DOUBLE.findall(sample)
    ideographs = [pair for pair in pairs if not (pair[0] in range(0xA1, 0xA4) or pair[0] == 0xA3)]
    if not ideographs:
        return 0.0
    hits = sum(pair[0] in frequent and (name == "big5" or pair[1] >= 0xA1) for pair in ideographs)
    return float(hits / len(ideographs))


def _vietnamese(sample: bytes, country: str) -> bool:
    """Tone marks of their own, each after a vowel: nobody else writes so."""
    if not _decodes(sample, "cp1258", whole=True):
        return False
    text = sample.decode("cp1258")
    marks = [index for index, letter in enumerate(text) if letter in _COMBINING]
    if not marks:
        return country == "VN" and not sample.isascii()
    fitting = sum(index > 0 and text[index - 1] in _VIETNAMESE_VOWELS for index in marks)
    return fitting >= 0.9 * len(marks)


def _other(sample: bytes, *, whole: bool) -> str:
    """Western European, unless that gives what is no text and some other encoding does better."""
    if _decodes(sample, "cp1252", whole=whole):
        text = sample.decode("cp1252", "replace")
        beyond = [letter for letter in text if letter > "\x7f"]
        letters = sum(unicodedata.category(letter) in {"Ll", "Lu"} for letter in beyond)
        in_words = len(re.findall(r"[A-Za-z][\u00c0-\u00ff]|[\u00c0-\u00ff][A-Za-z]", text))
        if beyond and letters and in_words >= 0.3 * letters:
            return "cp1252"
    found = from_bytes(sample[:65_536]).best()
    # Unicode was ruled out before.
    return "cp1252" if found is None or found.encoding.startswith("utf") else found.encoding
