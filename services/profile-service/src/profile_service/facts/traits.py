"""What a trait may hold: dotted keys, canonical values, and the nested form that callers see."""

import math
import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, Final
from zoneinfo import available_timezones

import msgspec
from rapport.identity import InvalidIdentifier, normalise
from rapport.text import clean_text

from profile_service.names.rules import cleaned

MAX_KEYS: Final = 200
MAX_DEPTH: Final = 5
MAX_BYTES: Final = 16_384
MAX_NAME: Final = 200

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
_language = re.compile(
    r"(?P<language>[a-z]{2,3}(?:-[a-z]{3}){0,3})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|\d{3}))?"
    r"(?P<rest>(?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*(?:-[a-wy-z\d](?:-[a-z\d]{2,8})+)*(?:-x(?:-[a-z\d]{1,8})+)?)"
)


class InvalidTrait(ValueError):
    """A value that a trait cannot hold; `key` is dotted, `detail` tells what to mend."""

    def __init__(self, key: str, detail: str) -> None:
        super().__init__(f"{key}: {detail}")
        self.key = key
        self.detail = detail

    @property
    def pointer(self) -> str:
        """JSON pointer of the trait inside a `traits` object."""
        return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in self.key.split("."))


def flatten(
    traits: Mapping[str, Any], prefix: str = "", depth: int = 1, *, whole: Collection[str] = ()
) -> dict[str, Any]:
    """Values by dotted key (`address.city`), null included; an object whose key is in `whole` stays one value.

    Raises `InvalidTrait` for what cannot be a key.
    """
    found: dict[str, Any] = {}
    for name, value in traits.items():
        key = prefix + name
        _check_key(key, depth)
        if isinstance(value, Mapping) and key not in whole:
            found.update(flatten(value, key + ".", depth + 1, whole=whole))
        else:
            found[key] = value
    if len(found) > MAX_KEYS:
        raise InvalidTrait(prefix.rstrip("."), f"These are more than {MAX_KEYS} traits.")
    return found


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The nested form of values by dotted key; an object takes precedence over a plain value of the same name."""
    traits: dict[str, Any] = {}
    for key in sorted(flat):
        *path, last = key.split(".")
        inside = traits
        for part in path:
            deeper = inside.get(part)
            # An object that is one value belongs to its fact: what lies beside it goes into a copy.
            inside[part] = dict(deeper) if isinstance(deeper, dict) else {}
            inside = inside[part]
        inside[last] = flat[key]
    return traits


def merged(current: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """What a merge patch (RFC 7396) sets, null for what goes, all by dotted key.

    A null or a plain value replaces an object that was there, and an object a plain value.
    """
    changes: dict[str, Any] = {}
    for key, value in patch.items():
        gone = [each for each in current if each.startswith(key + ".")]
        if value is not None:
            gone += [each for each in current if key.startswith(each + ".")]
        changes.update(dict.fromkeys(gone))
    changes.update(
        {
            key: merge_patch(current.get(key), value) if isinstance(value, Mapping) else value
            for key, value in patch.items()
            if value is not None or key in current
        }
    )
    return changes


def merge_patch(current: Any, patch: Any) -> Any:
    """`current` after a merge patch (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return patch
    merged_value = dict(current) if isinstance(current, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged_value.pop(name, None)
        else:
            merged_value[name] = merge_patch(merged_value.get(name), value)
    return merged_value


def normalise_trait(key: str, value: Any, country: str | None = None) -> Any:
    """The canonical value of a trait; null stays null. `country` is where phone numbers without a code belong.

    Raises `InvalidTrait`.
    """
    _check_key(key, 1)
    if value is None:
        return None
    try:
        known = _KNOWN.get(key)
        if known is not None:
            if not isinstance(value, str):
                raise ValueError("Give this as text.")
            return known(clean_text(value).strip(), country)
        return _any(value)
    except ValueError as error:
        raise InvalidTrait(key, str(error)) from error


def normalise_traits(flat: Mapping[str, Any], default_country: str | None) -> tuple[dict[str, Any], list[InvalidTrait]]:
    """All traits in canonical form, and what was wrong with the others; phones belong to the country among them."""
    valid: dict[str, Any] = {}
    invalid: list[InvalidTrait] = []
    country = next(
        (flat[each] for each in ("country", "address.country") if _is_country(flat.get(each))), default_country
    )
    for key, value in flat.items():
        try:
            valid[key] = normalise_trait(key, value, country)
        except InvalidTrait as error:
            invalid.append(error)
    return valid, invalid


def _check_key(key: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidTrait(key, f"Nest traits at most {MAX_DEPTH} deep.")
    if not all(0 < len(part) <= 64 and part.isprintable() for part in key.split(".")) or len(key) > MAX_NAME:
        raise InvalidTrait(key[:MAX_NAME], "A trait's name has 1 to 64 printable characters.")


def _any(value: Any) -> Any:
    check_json(value)
    if len(msgspec.json.encode(value)) > MAX_BYTES:
        raise ValueError(f"The value takes more than {MAX_BYTES} bytes.")
    return value


def check_json(value: Any, depth: int = 1) -> None:
    """Raise `ValueError` for a JSON value that cannot be kept as it is."""
    if depth > MAX_DEPTH:
        raise ValueError(f"Nest values at most {MAX_DEPTH} deep.")
    if isinstance(value, str):
        clean_text(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("A number has to be finite.")
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("A whole number has to fit into 64 bits; give longer ones as text.")
    elif isinstance(value, Mapping):
        for name, each in value.items():
            clean_text(name)
            check_json(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            check_json(each, depth + 1)


def _text(value: str, _country: str | None) -> str:
    if not 0 < len(value) <= MAX_NAME:
        raise ValueError(f"Give 1 to {MAX_NAME} characters.")
    return value


def _name(value: str, _country: str | None) -> str:
    return cleaned(value)


def _identifier(kind: str) -> Callable[[str, str | None], str]:
    def canonical(value: str, country: str | None) -> str:
        try:
            return normalise(kind, value, country=country)
        except InvalidIdentifier as error:
            raise ValueError(error.detail) from error

    return canonical


def _birth_date(value: str, _country: str | None) -> str:
    try:
        # Systems that know only timestamps send midnight.
        day = date.fromisoformat(value.partition("T")[0])
    except ValueError as error:
        raise ValueError("Give a day that exists as YYYY-MM-DD.") from error
    if not date(1850, 1, 1) <= day <= datetime.now(UTC).date():
        raise ValueError("A birth date lies between 1850 and today.")
    return day.isoformat()


def _language_tag(value: str, _country: str | None) -> str:
    match = _language.fullmatch(value.replace("_", "-").lower())
    if match is None:
        raise ValueError("Give a language tag after BCP 47, for example zh-TW.")
    script, region = match["script"], match["region"]
    parts = [match["language"], script.title() if script else "", region.upper() if region else ""]
    return "-".join(part for part in parts if part) + match["rest"]


def _time_zone(value: str, _country: str | None) -> str:
    if value not in _time_zones():
        raise ValueError("Give a time zone of the IANA database, for example Asia/Taipei.")
    return value


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _is_country(value: object) -> bool:
    return isinstance(value, str) and value.strip().upper() in COUNTRIES


def _country_code(value: str, _country: str | None) -> str:
    if not _is_country(value):
        raise ValueError("Give a country by its two letters in ISO 3166-1, for example TW.")
    return value.upper()


def _structured(_value: str, _country: str | None) -> str:
    raise ValueError("Give an address as an object with street, city, region, postcode, country.")


_KNOWN: Final[Mapping[str, Callable[[str, str | None], str]]] = {
    "given_name": _name,
    "middle_name": _name,
    "family_name": _name,
    "display_name": _name,
    "email": _identifier("email"),
    "phone": _identifier("phone"),
    "birth_date": _birth_date,
    "gender": _text,
    "language": _language_tag,
    "time_zone": _time_zone,
    "country": _country_code,
    "address": _structured,
    "address.street": _text,
    "address.city": _text,
    "address.region": _text,
    "address.postcode": _text,
    "address.country": _country_code,
}
