"""What an attribute's JSON Schema (draft 2020-12) may say, and whether a value fits it. Pure.

Schemas come from users and are applied to whatever anybody sends, so both are bounded: no reference leaves the schema,
none leads back to itself, and patterns run in linear time.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import jsonschema_rs
import msgspec

from profile_service.facts.rules import Survivorship
from profile_service.facts.traits import MAX_DEPTH, InvalidTrait, check_json

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
MAX_BYTES: Final = 16_384
MAX_NESTING: Final = 24
MAX_EXPANDED: Final = 5_000  # places of a schema, each reference counted as what it stands for
MAX_MESSAGE: Final = 300
# Their parts are the product's own traits.
RESERVED: Final = frozenset({"address"})
_number = re.compile(r"-?\d{1,30}(\.\d{1,30})?")
_REFERENCES: Final = ("$ref", "$dynamicRef")
_FOREIGN: Final = ("$id", "$anchor", "$dynamicAnchor", "$vocabulary")


class SchemaFault(ValueError):
    """What is wrong with a schema, and where (JSON pointer)."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute as defined; its schema as JSON."""

    key: str
    version: int
    encoded: str
    label: str | None
    repeating: bool
    personal: bool
    searchable: bool
    survivorship: Survivorship | None
    changed_at: datetime
    changed_by: str

    def faults(self, value: Any) -> list[tuple[str, str]]:
        """Where (JSON pointer) and in what the value does not fit; nothing when it does."""
        return faults(self.encoded, value)

    @property
    def schema(self) -> dict[str, Any]:
        """What values must look like."""
        schema: dict[str, Any] = msgspec.json.decode(self.encoded)
        return schema


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Definitions that some values have to fit, by key."""

    attributes: Mapping[str, Attribute]

    @property
    def whole(self) -> frozenset[str]:
        """Keys whose values stay in one piece."""
        return frozenset(self.attributes)

    def check(self, key: str, value: Any) -> None:
        """Raise `InvalidTrait` when a trait does not fit; whatever is not defined fits, and so does null."""
        if value is None or not self.attributes:
            return
        attribute = self.attributes.get(key)
        if attribute is not None:
            self._check_defined(attribute, value)
            return
        for end in _dots(key):
            if key[:end] in self.attributes:
                raise InvalidTrait(key, f"This is part of the attribute {key[:end]}; give that one whole.")
        if isinstance(value, Mapping):
            for name, part in value.items():
                self.check(f"{key}.{name}", part)

    def _check_defined(self, attribute: Attribute, value: Any) -> None:
        if attribute.repeating:
            raise InvalidTrait(attribute.key, "This attribute repeats; add a record to /records instead of a trait.")
        found = attribute.faults(value)
        if found:
            raise InvalidTrait(attribute.key, "; ".join(f"{at}: {what}" if at else what for at, what in found))


def paths_of(traits: Mapping[str, Any], prefix: str = "", depth: int = 1) -> Iterator[str]:
    """Every dotted key under which `traits`, however nested, may hold a value of a defined attribute."""
    for name, value in traits.items():
        key = prefix + name
        yield from (key[:end] for end in _dots(key))
        yield key
        if isinstance(value, Mapping) and depth < MAX_DEPTH:
            yield from paths_of(value, key + ".", depth + 1)


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raise `SchemaFault` for what cannot be used."""
    _check_parts(schema, "", 1)
    encoded = msgspec.json.encode(schema)
    if len(encoded) > MAX_BYTES:
        raise SchemaFault("", f"A schema has at most {MAX_BYTES} bytes.")
    _expanded(schema, schema, ())
    try:
        _validator(encoded.decode())
    except jsonschema_rs.ValidationError as error:
        pointer = "".join(f"/{_escaped(str(part))}" for part in error.instance_path)
        raise SchemaFault(pointer, error.message[:MAX_MESSAGE]) from error


def faults(encoded: str, value: Any) -> list[tuple[str, str]]:
    """The first few places where `value` does not fit the schema, given as JSON."""
    found = []
    for error in _validator(encoded).iter_errors(value):
        pointer = "".join(f"/{_escaped(str(part))}" for part in error.instance_path)
        found.append((pointer, error.message[:MAX_MESSAGE]))
        if len(found) == 5:
            break
    return found


def fits(encoded: str, value: Any) -> bool:
    """Whether `value` fits the schema, given as JSON."""
    return _validator(encoded).is_valid(value)


@lru_cache(maxsize=512)
def _validator(encoded: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        msgspec.json.decode(encoded),
        validate_formats=True,
        offline=True,
        pattern_options=jsonschema_rs.RegexOptions(size_limit=1_000_000, dfa_size_limit=1_000_000),
    )


def _check_parts(part: Any, pointer: str, depth: int) -> None:
    if depth > MAX_NESTING:
        raise SchemaFault(pointer, f"Nest a schema at most {MAX_NESTING} deep.")
    if isinstance(part, list):
        for index, each in enumerate(part):
            _check_parts(each, f"{pointer}/{index}", depth + 1)
    if not isinstance(part, Mapping):
        _check_plain(part, pointer)
        return
    if not pointer and part.get("$schema", DIALECT) != DIALECT:
        raise SchemaFault("/$schema", f"Schemas are of draft 2020-12: {DIALECT}.")
    for name, each in part.items():
        _check_plain(name, pointer)
        if name in _FOREIGN:
            raise SchemaFault(f"{pointer}/{name}", "Schemas have no names of their own here; refer by #/$defs/...")
        if name in _REFERENCES and not (isinstance(each, str) and each.startswith("#/$defs/")):
            raise SchemaFault(f"{pointer}/{name}", "Refer to #/$defs/... within this schema only.")
        _check_parts(each, f"{pointer}/{_escaped(name)}", depth + 1)


def _check_plain(part: Any, pointer: str) -> None:
    try:
        check_json(part)
    except ValueError as error:
        raise SchemaFault(pointer, str(error)) from error


def _expanded(root: Mapping[str, Any], part: Any, on_the_way: tuple[str, ...]) -> int:
    """How many places a part of a schema has when each reference is what it stands for."""
    size = 1
    children = part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ()
    for each in children:
        size += _expanded(root, each, on_the_way)
        _check_size(size)
    if isinstance(part, Mapping):
        for reference in (part[name] for name in _REFERENCES if isinstance(part.get(name), str)):
            if reference in on_the_way or len(on_the_way) > MAX_NESTING:
                raise SchemaFault("", f"{reference} leads back to itself, or too far.")
            size += _expanded(root, _target(root, reference), (*on_the_way, reference))
            _check_size(size)
    return size


def _check_size(size: int) -> None:
    if size > MAX_EXPANDED:
        raise SchemaFault("", "The schema is too large, counting every reference as what it stands for.")


def _target(root: Mapping[str, Any], reference: str) -> Any:
    found: Any = root
    for name in reference.removeprefix("#/").split("/"):
        unescaped = name.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or unescaped not in found:
            raise SchemaFault("", f"There is no {reference}.")
        found = found[unescaped]
    return found


def as_number(text: str) -> str:
    """How the index writes a number, or the text itself."""
    if _number.fullmatch(text) is None:
        return text
    return format(Decimal(text).normalize() + 0, "f")


def holds(value: Any, path: str, text: str) -> bool:
    """Whether a value has `text` at a dotted path within it, in any item of a list on the way."""
    if isinstance(value, list):
        return any(holds(each, path, text) for each in value)
    if path:
        if not isinstance(value, Mapping):
            return False
        return any(
            holds(each, path[len(name) :].removeprefix("."), text)
            for name, each in value.items()
            if path == name or path.startswith(name + ".")
        )
    if isinstance(value, bool):
        return ("true" if value else "false") == text.lower()
    if isinstance(value, int | float):
        return Decimal(str(value)) == Decimal(as_number(text)) if _number.fullmatch(text) else False
    return isinstance(value, str) and value.lower()[:200] == text.lower()[:200]


def _dots(key: str) -> Iterator[int]:
    return (index for index, letter in enumerate(key) if letter == ".")


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
