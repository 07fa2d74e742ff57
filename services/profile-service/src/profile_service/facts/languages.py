"""Languages as people and systems write them, as tags after BCP 47. Pure but for data of libraries."""

import re
from functools import cache, lru_cache
from typing import Final

from babel import Locale
from babel.core import get_global

from profile_service.facts.places import COUNTRIES
from profile_service.names.folding import words

_tag = re.compile(
    r"(?P<language>[a-z]{2,3}(?:-[a-z]{3}){0,3})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|\d{3}))?"
    r"(?P<rest>(?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*(?:-[a-wy-z\d](?:-[a-z\d]{2,8})+)*(?:-x(?:-[a-z\d]{1,8})+)?)"
)
_ADVICE: Final = "Give a language tag after BCP 47, for example zh-TW."
_LOCALES: Final = ("en", "zh_Hant", "zh_Hans", "zh_Hant_HK", "vi")
# Languages that are also read by the name they have for themselves.
_OWN: Final = "ar cs da de el es fi fil fr he hi hu id it ja km ko lo ms my nb nl pl pt ro ru sv ta th tr uk"
_ALSO: Final = {
    "zh": "Chinese|Mandarin|Mandarin Chinese|中文|漢語|华语|國語|普通話|Tiếng Trung|Tiếng Hoa",
    "zh-Hant": "Traditional Chinese|Chinese Traditional|繁體中文|繁中|正體中文|Tiếng Trung phồn thể",
    "zh-Hans": "Simplified Chinese|Chinese Simplified|简体中文|簡中|Tiếng Trung giản thể",
    "yue": "Cantonese|粵語|廣東話|廣州話|Tiếng Quảng Đông",
    "nan": "Taiwanese|Taiwanese Hokkien|Hokkien|台語|臺語|閩南語",
    "hak": "Hakka|客家話|客語",
    "en": "English|英語|英文|Tiếng Anh",
    "vi": "Vietnamese|越南語|越語|Tiếng Việt",
}
_REGION_ALIASES: Final = {"UK": "GB"}


def language_tag(value: str) -> str:
    """The tag of a language, given by tag (`zh_tw`, `eng`) or name (`Tiếng Việt`, `繁體中文`); raises `ValueError`."""
    return _language(value) if len(value) <= 100 else _refuse()


@lru_cache(maxsize=8_192)
def _language(value: str) -> str:
    # The systems of computers add the encoding, as in vi_VN.UTF-8.
    match = _tag.fullmatch(re.sub(r"\.[\w-]+\Z", "", value.strip()).replace("_", "-").lower())
    if match is None:
        return _names().get(_key(value)) or _refuse()
    language, script, region = match["language"], match["script"], (match["region"] or "").upper()
    primary, dash, extended = language.partition("-")
    primary = _current(primary)
    region = _REGION_ALIASES.get(region, region)
    if region.isalpha() and region not in COUNTRIES:
        raise ValueError(f"{region} is not a country. {_ADVICE}")
    parts = [primary + dash + extended, script.title() if script else "", region]
    return "-".join(part for part in parts if part) + match["rest"]


def _current(primary: str) -> str:
    """The subtag in use for a language: two letters where it has them, none that was given up."""
    found = str(get_global("language_aliases").get(primary, primary))
    if re.fullmatch("[a-z]{2,3}", found):
        primary = found
    if len(primary) == 2 and primary not in _two_letters():
        hint = f" {primary.upper()} is a country." if primary.upper() in COUNTRIES else ""
        raise ValueError(f"There is no language {primary}.{hint} {_ADVICE}")
    return primary


def _refuse() -> str:
    raise ValueError(_ADVICE)


def _key(name: str) -> str:
    return " ".join(words(name))


@cache
def _two_letters() -> frozenset[str]:
    return frozenset(each for each in map(str, Locale("en").languages) if len(each) == 2)


@cache
def _names() -> dict[str, str]:
    """Tag by the folded name."""
    found = {_key(name): tag for tag, names in _ALSO.items() for name in names.split("|")}
    names = [(tag, name) for each in _LOCALES for tag, name in Locale.parse(each).languages.items()]
    names += [(each, Locale(each).languages[each]) for each in _OWN.split() if each in Locale(each).languages]
    for tag, name in names:
        found.setdefault(_key(name), tag.replace("_", "-"))
    return found
