"""The Segment HTTP Tracking API's messages as they are read: what rules look at is typed, the rest stays raw."""

from typing import Any

import msgspec

Scalar = str | int | float | None
RAW = msgspec.Raw(b"")
EMPTY = msgspec.Raw(b"{}")

TYPES = frozenset({"identify", "track", "page", "screen", "group", "alias"})


class Message(msgspec.Struct, rename="camel", gc=False):
    """One call, as a body of its own or an item of a batch."""

    type: str | None = None
    message_id: Scalar = None
    user_id: Scalar = None
    anonymous_id: Scalar = None
    previous_id: Scalar = None
    group_id: Scalar = None
    event: str | None = None
    name: str | None = None
    timestamp: Scalar = None
    original_timestamp: Scalar = None
    sent_at: Scalar = None
    properties: msgspec.Raw = RAW
    traits: msgspec.Raw = RAW
    context: msgspec.Raw = RAW


class Batch(msgspec.Struct, rename="camel", gc=False):
    """Several calls; `sentAt` and `context` hold for those that have none of their own."""

    batch: list[msgspec.Raw]
    sent_at: Scalar = None
    context: msgspec.Raw = RAW


class WriteKey(msgspec.Struct, rename="camel", gc=False):
    """The write key where browsers put it."""

    write_key: str | None = None


class Context(msgspec.Struct, rename="camel", gc=False):
    """What is looked at in `context`; leaves may hold anything, other people fill them."""

    channel: Any = None
    library: Any = None
    device: Any = None
    consent: msgspec.Raw = RAW
    traits: msgspec.Raw = RAW


class Traits(msgspec.Struct, gc=False):
    """What is looked at in traits; both spellings of a loyalty card are met."""

    email: Any = None
    phone: Any = None
    loyalty_card: Any = None
    loyalty_card_camel: Any = msgspec.field(default=None, name="loyaltyCard")
    account_number: Any = None
    account_number_camel: Any = msgspec.field(default=None, name="accountNumber")
    country: Any = None
    address: Any = None


class Properties(msgspec.Struct, gc=False):
    """What is looked at in properties."""

    channel: Any = None
    direction: Any = None


message = msgspec.json.Decoder(Message).decode
batch = msgspec.json.Decoder(Batch).decode
write_key = msgspec.json.Decoder(WriteKey).decode
context = msgspec.json.Decoder(Context).decode
traits = msgspec.json.Decoder(Traits).decode
properties = msgspec.json.Decoder(Properties).decode
