"""From the cells of a row to a person: identifiers, facts, and everything that is wrong with it. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple
from unicodedata import is_normalized, normalize
from uuid import UUID

import msgspec
from rapport.identity import InvalidIdentifier, confidence, identity_id, normalise, strength

from profile_service.attributes.rules import Catalogue
from profile_service.facts.places import known_country
from profile_service.facts.traits import POSTCODE, InvalidTrait, normalise_trait
from profile_service.imports.dates import ISO, DateFormat
from profile_service.ledger.guards import Guards

MAX_SHOWN: Final = 200
BIRTH: Final = "birth_date"
CONTACT_POINTS: Final = ("email", "phone")
_NAMING: Final = ("given_name", "family_name", "display_name")
_COUNTRY_KEYS: Final = ("country", "address.country")
_NOTHING: Final = frozenset({"NULL", "N/A", "#N/A", "\\N", "nan", "NaN"})
_SAME_OFTEN: Final = 50_000
_year_last = re.compile(r"\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4}")
_AMBIGUOUS: Final = (
    "Day and month could be either: say in the spec how dates are written, as date_format, for example DD/MM/YYYY."
)
_number = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?")

Role = Literal["identifier", "trait", "fact"]


class Column(NamedTuple):
    """What a column holds: an identifier of kind `key`, or the trait or fact `key`; and how its dates are written."""

    name: str
    role: Role
    key: str
    date_format: str | None = None


class Fault(NamedTuple):
    """Why a row is not taken; without a column it is the row as a whole."""

    column: str | None
    reason: str
    value: str | None


class Identity(NamedTuple):
    """An identifier in its canonical form, its id, and whether many people share the value."""

    kind: str
    value: str
    id: UUID
    blocked: bool


class Person(NamedTuple):
    """A row that is right: identities strongest first, the shared ones last; values by key as JSON text."""

    identities: Sequence[Identity]
    facts: Mapping[str, str]


class Reader:
    """Reads rows of one list: `country` is where phone numbers without a country code belong, `date_format` how dates
    are written in columns that do not say it themselves.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        country: str,
        guards: Guards,
        defined: Catalogue,
        date_format: str | None = None,
    ) -> None:
        self.columns = columns
        self._defined = defined
        self.days = {each.key: _format_of(each, date_format) for each in columns if is_date(each, defined)}
        self._types = {key: _types(attribute.schema) for key, attribute in defined.attributes.items()}
        self._country = country
        self._guards = guards
        self._where = [place for place, each in enumerate(columns) if each.key in _COUNTRY_KEYS and _is_trait(each)]
        self._at = next((place for place in self._where if columns[place].key == "address.country"), None)
        self._seen: dict[tuple[str, object, str, str | None], str] = {}

    def read(self, values: Sequence[Any]) -> Person | list[Fault]:
        """The person of a row, or all its faults."""
        faults: list[Fault] = []
        identities: dict[UUID, Identity] = {}
        facts: dict[str, str] = {}
        country = self._country_of(values)
        place = None if self._at is None else known_country(values[self._at])
        for column, value in zip(self.columns, values, strict=True):
            text = _tidy(value)
            if text is None:
                continue
            try:
                if column.role == "identifier":
                    self._identify(column.key, text, country, identities)
                else:
                    facts[column.key] = self._fact(column.key, text, country, place)
                    if column.role == "trait" and column.key in CONTACT_POINTS:
                        self._identify(column.key, text, country, identities)
            except (InvalidIdentifier, InvalidTrait) as error:
                faults.append(Fault(column.name, error.detail, shown(value)))
        if not faults and not any(not each.blocked for each in identities.values()) and not _names_somebody(facts):
            faults.append(self._nobody(identities))
        if faults:
            return faults
        # Shared values come last: they own nothing and link nothing.
        ranked = sorted(
            identities.values(), key=lambda each: (each.blocked, strength(each.kind), each.kind, each.value)
        )
        return Person(ranked, facts)

    def _country_of(self, values: Sequence[Any]) -> str:
        for place in self._where:
            if (found := known_country(values[place])) is not None:
                return found
        return self._country

    def _identify(self, kind: str, value: Any, country: str, found: dict[UUID, Identity]) -> None:
        text = _as_text(value)
        if text is None:
            raise InvalidIdentifier("Give this as text.")
        _check_text(text)
        canonical = normalise(kind, text, country=country)
        key = identity_id(kind, canonical)
        found[key] = Identity(kind, canonical, key, self._guards.blocks(kind, canonical))

    def _fact(self, key: str, value: Any, country: str, place: str | None) -> str:
        # Most columns hold the same few values over and over.
        known = (key, value, country, place if key == POSTCODE else None) if isinstance(value, str) else None
        if known is not None and (ready := self._seen.get(known)) is not None:
            return ready
        written = self._day(key, value) if key in self.days else _typed(value, self._types.get(key))
        canonical = _canonical(key, written, country, place)
        self._defined.check(key, canonical)
        made = _json(canonical)
        if known is not None:
            if len(self._seen) >= _SAME_OFTEN:
                self._seen.clear()
            self._seen[known] = made
        return made

    def _day(self, key: str, value: Any) -> Any:
        text, how = _as_text(value), self.days[key]
        if text is None:
            return value
        if how is None and _year_last.fullmatch(text):
            raise InvalidTrait(key, _AMBIGUOUS)
        if how is None and key == BIRTH:
            return text
        try:
            return (how or DateFormat.parse(ISO)).read(text)
        except ValueError as error:
            raise InvalidTrait(key, str(error)) from error

    def _nobody(self, identities: Mapping[UUID, Identity]) -> Fault:
        shared = next(iter(identities.values()), None)
        if shared is None:
            return Fault(None, "The row has neither an identifier nor a name or an address.", None)
        column = next(each.name for each in self.columns if each.key == shared.kind)
        return Fault(column, "Many people share this value: it says nothing about who this is.", shared.value)


def is_date(column: Column, defined: Catalogue) -> bool:
    """Whether a column holds days: those of birth, attributes that are dates, and what has a format of its own."""
    if column.role == "identifier":
        return False
    attribute = defined.attributes.get(column.key)
    dated = attribute is not None and attribute.schema.get("format") == "date"
    return dated or column.key == BIRTH or column.date_format is not None


def _format_of(column: Column, date_format: str | None) -> DateFormat | None:
    text = column.date_format or date_format
    return DateFormat.parse(text) if text else None


def shown(value: Any) -> str:
    """The beginning of a value, for the list of faults; storable whatever it is."""
    text = value if isinstance(value, str) else repr(value)
    return text[:MAX_SHOWN].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def weight(kinds: Sequence[str]) -> float:
    """How sure a link between two kinds is, 0 to 1."""
    return min(confidence(kind) for kind in kinds)


def _canonical(key: str, value: Any, country: str, place: str | None) -> Any:
    if isinstance(value, str):
        _check_text(value)
    try:
        return normalise_trait(key, value, country, place=place)
    except InvalidTrait:
        # What comes from typed files may be a number where a text is meant, such as a postcode.
        text = None if isinstance(value, str) else _as_text(value)
        if text is None:
            raise
        return normalise_trait(key, text, country, place=place)


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    """The JSON types that a schema names."""
    named = schema.get("type", ())
    return frozenset([named] if isinstance(named, str) else named)


def _typed(value: Any, types: frozenset[str] | None) -> Any:
    """A text as the number or truth value it stands for, where the attribute is one; text files have text alone."""
    if not types or not isinstance(value, str) or "string" in types:
        return value
    plain = value.strip()
    if "boolean" in types and plain.lower() in {"true", "false"}:
        return plain.lower() == "true"
    if types & {"integer", "number"} and _number.fullmatch(plain):
        number = float(plain) if not plain.lstrip("+-").isdecimal() else int(plain)
        return int(number) if isinstance(number, float) and number.is_integer() and "number" not in types else number
    return value


def _check_text(text: str) -> None:
    if "\ufffd" in text:
        raise InvalidIdentifier("The cell holds bytes that do not belong to the encoding of the file.")


def _tidy(value: Any) -> Any:
    """The value without space around it, composed; None for what stands for nothing."""
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        if not text or text in _NOTHING:
            return None
        return text if text.isascii() or is_normalized("NFC", text) else normalize("NFC", text)
    if isinstance(value, float) and value != value:  # noqa: PLR0124  not a number
        return None
    return value


def _as_text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _names_somebody(facts: Mapping[str, str]) -> bool:
    return any(key in facts for key in _NAMING) or any(key.startswith("address.") for key in facts)


def _is_trait(column: Column) -> bool:
    return column.role != "identifier"


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()
