"""Identity keys: an identifier, its one canonical form, and the id that any service computes alone."""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final
from uuid import UUID, SafeUUID

import email_validator
import msgspec
import phonenumbers

from rapport import phones

# Frozen: identities stored anywhere were computed with it.
NAMESPACE: Final = UUID("6f0d3a52-94c1-5e6b-8a37-2b1c9de4f708")

KIND_PATTERN: Final = r"^[a-z][a-z0-9_]{1,31}$"
MAX_LENGTH: Final = 512

_OTHER = "other"
STRENGTH: Final = (
    "user_id",
    "account_number",
    "national_id",
    "loyalty_card",
    "email",
    "phone",
    "messenger_id",
    _OTHER,
    "device_id",
    "anonymous_id",
)
_RANK = {kind: rank for rank, kind in enumerate(STRENGTH) if kind != _OTHER}
_OTHER_RANK = STRENGTH.index(_OTHER)
_CONFIDENCE = {
    "user_id": 1.0,
    "account_number": 0.98,
    "national_id": 0.98,
    "loyalty_card": 0.98,
    "email": 0.95,
    "phone": 0.9,
    "messenger_id": 0.9,
    "device_id": 0.6,
    "anonymous_id": 0.5,
}


class Identifier(msgspec.Struct, frozen=True):
    """An identifier by kind and value; canonical when `normalise` made the value."""

    kind: str
    value: str


class InvalidIdentifier(ValueError):
    """Not an identifier; `detail` tells what to mend, `member` in which part (`kind` or `value`)."""

    def __init__(self, detail: str, *, member: str = "value") -> None:
        super().__init__(detail)
        self.detail = detail
        self.member = member


class InvalidIdentifiers(ValueError):
    """Some of several identifiers are invalid; `errors` holds `{"pointer", "detail"}` for each."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__("; ".join(f"{error['pointer']}: {error['detail']}" for error in errors))
        self.errors = errors


_kind = re.compile(KIND_PATTERN.removesuffix("$") + r"\Z")

# What email-validator must give back unchanged: an address as lower-case ASCII dot-atom, host
# labels without the reserved double dash, a top level that ends with a letter.
_plain_email = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:(?=[^.]{1,63}\.)[a-z0-9]+(?:-[a-z0-9]+)*\.)+(?=[^.]{1,63}\Z)(?:[a-z0-9]+-)*[a-z0-9]*[a-z]\Z"
)
_reserved_domains = tuple(
    mark + domain for domain in email_validator.SPECIAL_USE_DOMAIN_NAMES if domain != "test" for mark in ("@", ".")
)
_grouping = re.compile(r"[\s\-\u2010-\u2015\u2212]+")


def normalise(kind: str, value: str, *, country: str | None = None) -> str:
    """The canonical form of `value`, the same for every spelling of one identifier; idempotent.

    `country` (ISO 3166-1 alpha-2) is where phone numbers without a country code belong.
    Raises `InvalidIdentifier`.
    """
    canonical = _canonical.get(kind)
    if canonical is not None:
        return canonical(value)
    if kind == "phone":
        return _phone(value.strip(), country.upper() if country else None)
    if kind not in _RANK and not _kind.match(kind):
        raise InvalidIdentifier(
            "A kind is 2 to 32 lower-case letters, digits or underscores and starts with a letter.",
            member="kind",
        )
    return _plain(value)


def normalise_all(pairs: Iterable[tuple[str, str]], country: str | None = None) -> list[Identifier]:
    """Every (kind, value) in canonical form, in order; raises `InvalidIdentifiers` with all faults."""
    identifiers: list[Identifier] = []
    errors: list[dict[str, str]] = []
    for index, (kind, value) in enumerate(pairs):
        try:
            identifiers.append(Identifier(kind, normalise(kind, value, country=country)))
        except InvalidIdentifier as invalid:
            errors.append({"pointer": f"/identifiers/{index}/{invalid.member}", "detail": invalid.detail})
    if errors:
        raise InvalidIdentifiers(errors)
    return identifiers


_namespace_bytes = NAMESPACE.bytes
_variant_mask = ~((0xF000 << 64) | (0xC000 << 48))
_variant_bits = (5 << 76) | (0x8000 << 48)
_not_said = SafeUUID.unknown  # looked up once: enum members cost more than the hash
_new_uuid = object.__new__
_set = object.__setattr__


def identity_id(kind: str, normalised: str) -> UUID:
    """`uuid5(NAMESPACE, kind + ":" + normalised)`; RFC 9562 version 5, without the checks of `uuid.UUID`."""
    digest = hashlib.sha1(_namespace_bytes + f"{kind}:{normalised}".encode(), usedforsecurity=False).digest()
    number = int.from_bytes(digest[:16], "big") & _variant_mask | _variant_bits
    made = _new_uuid(UUID)
    _set(made, "int", number)
    _set(made, "is_safe", _not_said)
    return made


def strength(kind: str) -> int:
    """Rank of a kind when identifiers disagree, 0 the strongest."""
    return _RANK.get(kind, _OTHER_RANK)


def strongest(identifiers: Iterable[Identifier]) -> Identifier:
    """The identifier that decides, whatever their order; raises `ValueError` when there is none."""
    return min(identifiers, key=lambda each: (strength(each.kind), each.kind, each.value))


def confidence(kind: str) -> float:
    """How sure a match by this kind alone is, 0 to 1."""
    return _CONFIDENCE.get(kind, 0.8)


def _plain(value: str) -> str:
    value = value.strip()
    if not (value.isascii() and value.isprintable()):
        value = unicodedata.normalize("NFC", value)
        if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in value):
            raise InvalidIdentifier("Remove control characters and line breaks.")
    if not value:
        raise InvalidIdentifier("The value is empty.")
    if len(value) > MAX_LENGTH:
        raise InvalidIdentifier(f"The value is longer than {MAX_LENGTH} characters.")
    return value


def _number_on_card(value: str) -> str:
    return _settled(_ungrouped, _plain(value))


def _ungrouped(value: str) -> str:
    return _plain(_grouping.sub("", value).upper())


def _email(value: str) -> str:
    value = value.strip()
    if value.isascii():
        value = value.lower()
        if len(value) <= 254 and _plain_email.match(value) and not value.endswith(_reserved_domains):
            return value
    return _email_by_the_book(value)


def _email_by_the_book(value: str) -> str:
    if len(value) > MAX_LENGTH:
        raise InvalidIdentifier("The e-mail address is too long.")
    return _settled(_validated_email, value)


def _validated_email(value: str) -> str:
    try:
        # Whether the domain receives mail says nothing about who somebody is: no DNS, test domains allowed.
        address = email_validator.validate_email(value, check_deliverability=False, test_environment=True)
    except email_validator.EmailNotValidError as error:
        raise InvalidIdentifier(str(error)) from error
    return unicodedata.normalize("NFC", f"{address.local_part.lower()}@{address.domain}")


@lru_cache(maxsize=16_384)
def _phone(value: str, country: str | None) -> str:
    if len(value) > MAX_LENGTH:
        raise InvalidIdentifier("The phone number is too long.")
    if (plain := phones.e164(value, country)) is not None:
        return plain
    return _settled(lambda number: _e164(number, country), value)


def _e164(value: str, country: str | None) -> str:
    try:
        number = phonenumbers.parse(value, country)
    except phonenumbers.NumberParseException as error:
        raise InvalidIdentifier(_phone_advice(error)) from error
    if number.extension:
        raise InvalidIdentifier("Leave out the extension: a phone identifier is the number in E.164.")
    # Possible, not assigned: numbering plans change faster than the tables that list them.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise InvalidIdentifier("The phone number has too few or too many digits for its country.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _phone_advice(error: phonenumbers.NumberParseException) -> str:
    if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
        return "Give the phone number with its country code, for example +886 2 2345 6789."
    return "This is not a phone number; give it with its country code, for example +886 2 2345 6789."


def _settled(step: Callable[[str], str], value: str) -> str:
    """`step` applied until nothing changes: case mapping and Unicode composition can undo one another."""
    for _ in range(4):
        stepped = step(value)
        if stepped == value:
            return value
        value = stepped
    raise InvalidIdentifier("The value has no stable written form; write it in plain characters.")


_canonical: dict[str, Callable[[str], str]] = {
    "email": _email,
    "loyalty_card": _number_on_card,
    "account_number": _number_on_card,
    "user_id": _plain,
    "anonymous_id": _plain,
    "device_id": _plain,
}
