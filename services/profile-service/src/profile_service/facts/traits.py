"""What a trait may hold: dotted keys, canonical values, and the nested form that callers see."""

import math
import re
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any, Final

import msgspec
from rapport.identity import InvalidIdentifier, normalise
from rapport.text import clean_text

from profile_service.facts.days import birth_date
from profile_service.facts.languages import language_tag
from profile_service.facts.places import address_line, country_code, known_country, postcode, time_zone
from profile_service.names.folding import words
from profile_service.names.rules import cleaned

MAX_KEYS: Final = 200
MAX_DEPTH: Final = 5
MAX_BYTES: Final = 16_384
MAX_NAME: Final = 200
POSTCODE: Final = "address.postcode"
_GENDERS: Final = {
    "female": "female|f|w|woman|girl|女|女性|女士|nữ|weiblich",
    "male": "male|m|man|boy|男|男性|先生|nam|männlich",
    "non-binary": "non-binary|nonbinary|non binary|nb|enby|非二元|phi nhị nguyên",
    "undisclosed": "undisclosed|not disclosed|prefer not to say|rather not say|不透露|không tiết lộ",
    "unknown": "unknown|not known|未知|không rõ",
}
_spaces = re.compile(r"\s+")


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


def normalise_trait(key: str, value: Any, country: str | None = None, *, place: str | None = None) -> Any:
    """The canonical value of a trait; null stays null. `country` is where phone numbers without a code belong, `place`
    the country stated for the address, whose postcodes are checked.

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
            text = clean_text(value).strip()
            return postcode(text, place, stated=True) if place and key == POSTCODE else known(text, country)
        return _any(value)
    except ValueError as error:
        raise InvalidTrait(key, str(error)) from error


def normalise_traits(
    flat: Mapping[str, Any], default_country: str | None, stored: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], list[InvalidTrait]]:
    """All traits in canonical form, and what was wrong with the others; phones belong to the country among them.

    Countries not given are those `stored`, by dotted key.
    """
    valid: dict[str, Any] = {}
    invalid: list[InvalidTrait] = []
    countries = {**(stored or {}), **flat}
    place = known_country(countries.get("address.country"))
    country = known_country(countries.get("country")) or place or default_country
    for key, value in flat.items():
        try:
            valid[key] = normalise_trait(key, value, country, place=place)
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


def _gender(value: str, country: str | None) -> str:
    """One of a few words where one is meant; any other word is the customer's own and stays."""
    text = _text(_spaces.sub(" ", value), country)
    if text.isdecimal():
        raise ValueError("Give a word, such as female or male: lists disagree on what numbers mean.")
    return _genders().get(" ".join(words(text)), text)


@cache
def _genders() -> dict[str, str]:
    return {" ".join(words(each)): gender for gender, told in _GENDERS.items() for each in told.split("|")}


def _plain(rule: Callable[[str], str]) -> Callable[[str, str | None], str]:
    return lambda value, _country: rule(value)


def _postcode(value: str, country: str | None) -> str:
    return postcode(value, country, stated=False)


def _structured(_value: str, _country: str | None) -> str:
    raise ValueError("Give an address as an object with street, city, region, postcode, country.")


_KNOWN: Final[Mapping[str, Callable[[str, str | None], str]]] = {
    "given_name": _name,
    "middle_name": _name,
    "family_name": _name,
    "display_name": _name,
    "email": _identifier("email"),
    "phone": _identifier("phone"),
    "birth_date": _plain(birth_date),
    "gender": _gender,
    "language": _plain(language_tag),
    "time_zone": _plain(time_zone),
    "country": _plain(country_code),
    "address": _structured,
    "address.street": _plain(address_line),
    "address.city": _plain(address_line),
    "address.region": _plain(address_line),
    POSTCODE: _postcode,
    "address.country": _plain(country_code),
}
