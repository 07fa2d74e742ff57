"""What a collected message means: who it is about, where it came from, what is kept of it. Pure."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from rapport.identity import Identifier, InvalidIdentifier, identity_id, normalise, strength

from interaction_service.collector import messages
from interaction_service.collector.messages import EMPTY, Context, Message, Scalar, Traits

WEB = "web"
MAX_NAME = 256
MAX_CHANNEL = 64
_LIBRARY_CHANNELS = {
    "server": ("python", "node", "go", "java", "ruby", "php", ".net", "rust", "csharp"),
    "mobile": ("ios", "android", "swift", "kotlin", "react-native", "flutter", "cordova", "unity"),
}


def text_of(value: Scalar) -> str | None:
    """An id as text; some SDKs send numbers. None for nothing and for blanks."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    return str(value).strip() or None


# The same customers come again and again within minutes; hashing and checking once saves a fifth of a message's cost.
@lru_cache(maxsize=65_536)
def known(kind: str, value: str, country: str | None = None) -> tuple[Identifier, UUID] | None:
    """An identifier in canonical form with its identity, None if it is not valid."""
    try:
        canonical = normalise(kind, value, country=country)
    except InvalidIdentifier:
        return None
    return Identifier(kind, canonical), identity_id(kind, canonical)


def identify(message: Message, context: Context, country: str) -> tuple[UUID, list[Identifier]] | None:
    """The identity a message is stored under and all identifiers seen in it, strongest first.

    Stored under `userId`, else `anonymousId`; None when neither is valid. Others that are not valid are left out.
    """
    seen = [
        found
        for kind, value in (("user_id", text_of(message.user_id)), ("anonymous_id", text_of(message.anonymous_id)))
        if value and (found := known(kind, value))
    ]
    if not seen:
        return None
    identifiers = [identifier for identifier, _ in seen]
    own = message.traits if message.type == "identify" else messages.RAW
    if given(own) or given(context.traits) or context.device is not None:
        identifiers += _further(own, context, country)
        identifiers = sorted(dict.fromkeys(identifiers), key=lambda each: strength(each.kind))
    return seen[0][1], identifiers


def _further(own: msgspec.Raw, context: Context, country: str) -> Iterator[Identifier]:
    for raw in (own, context.traits):
        if given(raw):
            traits = messages.traits(raw)
            place = country_of(traits) or country
            for kind, value in _trait_identifiers(traits):
                found = known(kind, value, place if kind == "phone" else None)
                if found:
                    yield found[0]
    device = context.device.get("id") if isinstance(context.device, dict) else None
    if isinstance(device, str) and (found := known("device_id", device)):
        yield found[0]


def _trait_identifiers(traits: Traits) -> Iterator[tuple[str, str]]:
    for kind, value in (
        ("email", traits.email),
        ("phone", traits.phone),
        ("loyalty_card", traits.loyalty_card or traits.loyalty_card_camel),
        ("account_number", traits.account_number or traits.account_number_camel),
    ):
        if isinstance(value, str | int | float) and not isinstance(value, bool) and (text := text_of(value)):
            yield kind, text


def country_of(traits: Traits) -> str | None:
    """The ISO 3166-1 code that traits name for the customer, if it looks like one."""
    address = traits.address if isinstance(traits.address, dict) else {}
    for value in (traits.country, address.get("country")):
        if isinstance(value, str) and len(value) == 2 and value.isascii() and value.isalpha():
            return value.upper()
    return None


def given(raw: msgspec.Raw) -> bool:
    """Whether a part was sent and is not null."""
    length = len(raw)
    return length > 4 or (length > 0 and bytes(raw) != b"null")


def is_object(raw: msgspec.Raw) -> bool:
    """Whether a part is a JSON object."""
    return bytes(raw).startswith(b"{")


def place_of(message: Message, context: Context) -> tuple[str, str]:
    """Channel and direction: what the properties say, else the context, else what the library is for."""
    direction = "inbound"
    properties = message.properties
    # Reading the properties of every order for two names that few have would cost more than to look for the names.
    if given(properties) and (b'"channel"' in (sent := bytes(properties)) or b'"direction"' in sent):
        said = messages.properties(properties)
        if said.direction == "outbound":
            direction = "outbound"
        if channel := _channel(said.channel):
            return channel, direction
    return _channel(context.channel) or _library_channel(context.library), direction


def _channel(value: Any) -> str | None:
    return value.strip()[:MAX_CHANNEL] or None if isinstance(value, str) else None


def _library_channel(library: Any) -> str:
    name = library.get("name") if isinstance(library, dict) else None
    if isinstance(name, str):
        for channel, marks in _LIBRARY_CHANNELS.items():
            if name.lower().removeprefix("analytics").strip("-.") in marks:
                return channel
    return WEB


def name_of(message: Message) -> str | None:
    """What happened (track), the page or screen seen, nothing for the others."""
    name = message.event if message.type == "track" else message.name if message.type in {"page", "screen"} else None
    return name.strip()[:MAX_NAME] or None if name else None


def data_of(message: Message, context: Context) -> msgspec.Raw:
    """What is kept of a message, by its type, parts as they came."""
    if message.type == "identify":
        parts = {"traits": _or_empty(message.traits)}
        if given(context.consent):
            parts["consent"] = context.consent
        return msgspec.Raw(msgspec.json.encode(parts))
    if message.type == "group":
        group = {"group_id": text_of(message.group_id), "traits": _or_empty(message.traits)}
        return msgspec.Raw(msgspec.json.encode(group))
    if message.type == "alias":
        return msgspec.Raw(msgspec.json.encode({"previous_id": text_of(message.previous_id)}))
    return _or_empty(message.properties)


def _or_empty(raw: msgspec.Raw) -> msgspec.Raw:
    return raw if given(raw) else EMPTY


def faults(message: Message, context: Context) -> Iterator[tuple[str, str]]:
    """Pointer and advice for each thing that keeps a message from being stored."""
    if message.type not in messages.TYPES:
        yield "/type", f"This must be one of {', '.join(sorted(messages.TYPES))}."
    if not text_of(message.user_id) and not text_of(message.anonymous_id):
        yield "/userId", "Send userId or anonymousId."
    if message.type == "track" and not (message.event and message.event.strip()):
        yield "/event", "A track call needs the name of its event."
    if message.type == "group" and not text_of(message.group_id):
        yield "/groupId", "A group call needs groupId."
    if message.type == "alias" and not text_of(message.previous_id):
        yield "/previousId", "An alias call needs previousId."
    for pointer, raw in (
        ("/properties", message.properties),
        ("/traits", message.traits),
        ("/context/traits", context.traits),
        ("/context/consent", context.consent),
    ):
        if given(raw) and not is_object(raw):
            yield pointer, "This must be an object."
