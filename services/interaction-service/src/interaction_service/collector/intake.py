"""From a call's body to touchpoints: every message checked, its time set right, its key computed."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

import msgspec

from interaction_service.collector import clock, messages, rules
from interaction_service.collector.body import MAX_DEPTH, MESSAGE_BYTES, too_deep
from interaction_service.collector.errors import MessagesRefused, Unreadable
from interaction_service.collector.messages import RAW, Context, Message, Scalar
from interaction_service.ids import new_ids
from interaction_service.touchpoints.intake import Intake, Recorded, message_key

SOURCE = "collector"
MAX_MESSAGE_ID = 512
_NO_CONTEXT = Context()


class Call(NamedTuple):
    """One call as received; `type` is the path's for a single message, None for a batch."""

    body: bytes
    type: str | None
    subject: str
    received_at: datetime
    country: str


class Refusal(Exception):
    """A message that cannot be stored, with pointers below it."""

    def __init__(self, *faults: tuple[str, str]) -> None:
        super().__init__(faults)
        self.faults = faults


def intakes(call: Call) -> list[Intake]:
    """The touchpoints of a call; raises `Unreadable` or `MessagesRefused` with a pointer for each fault."""
    raws, sent_at, context, prefix = _parts(call)
    found: list[Intake] = []
    errors: list[dict[str, str]] = []
    for index, (raw, touchpoint_id) in enumerate(zip(raws, new_ids(len(raws)), strict=True)):
        try:
            found.append(_intake(call, raw, touchpoint_id, sent_at, context))
        except Refusal as refusal:
            at = f"{prefix}/{index}" if prefix else ""
            errors += [{"pointer": at + pointer, "detail": detail} for pointer, detail in refusal.faults]
    if errors:
        raise MessagesRefused(errors)
    return found


def _parts(call: Call) -> tuple[Sequence[msgspec.Raw], Scalar, msgspec.Raw, str]:
    if call.type is not None:
        return [msgspec.Raw(call.body)], None, RAW, ""
    try:
        batch = messages.batch(call.body)
    except msgspec.ValidationError as error:
        raise Unreadable(f"A batch is an object with a list `batch`: {error}.") from error
    return batch.batch, batch.sent_at, batch.context, "/batch"


def _intake(call: Call, raw: msgspec.Raw, touchpoint_id: str, sent_at: Scalar, shared: msgspec.Raw) -> Intake:
    message = _message(call, raw)
    raw_context = message.context if rules.given(message.context) else shared
    context = _context(raw_context)
    faults = list(rules.faults(message, context))
    if faults:
        raise Refusal(*faults)
    identified = rules.identify(message, context, call.country)
    if identified is None:
        raise Refusal(("/userId", "Neither userId nor anonymousId is a usable id: too long, or control characters."))
    identity, identifiers = identified
    occurred_at, original = _time(message, sent_at, call.received_at)
    channel, direction = rules.place_of(message, context)
    message_id = rules.text_of(message.message_id)
    recorded = Recorded(
        touchpoint_id,
        identity,
        identifiers,
        message_id,
        message.type or "",
        rules.name_of(message),
        channel,
        direction,
        occurred_at,
        call.received_at,
        SOURCE,
        rules.data_of(message, context),
    )
    kept = bytes(raw_context).decode() if rules.given(raw_context) else None
    if original is not None:
        kept = _with_original(raw_context, original)
    return Intake(recorded, message_key(call.subject, message_id or _stable_id(raw, message)), kept)


def _message(call: Call, raw: msgspec.Raw) -> Message:
    if len(raw) > MESSAGE_BYTES:
        raise Refusal(("", f"A message has at most {MESSAGE_BYTES} bytes."))
    if too_deep(bytes(raw)):
        raise Refusal(("", f"JSON may be nested {MAX_DEPTH} levels deep."))
    try:
        message = messages.message(raw)
    except msgspec.ValidationError as error:
        raise Refusal(_fault(error)) from error
    if call.type is not None:
        message.type = call.type
    if isinstance(message.message_id, str) and len(message.message_id) > MAX_MESSAGE_ID:
        raise Refusal(("/messageId", f"A messageId has at most {MAX_MESSAGE_ID} characters."))
    return message


def _fault(error: msgspec.ValidationError) -> tuple[str, str]:
    detail, _, path = str(error).partition(" - at `$")
    return path.rstrip("`").replace(".", "/").replace("[", "/").replace("]", ""), f"{detail}."


def _context(raw: msgspec.Raw) -> Context:
    if not rules.given(raw):
        return _NO_CONTEXT
    if not rules.is_object(raw):
        raise Refusal(("/context", "This must be an object."))
    return messages.context(raw)


def _time(message: Message, batch_sent_at: Scalar, received_at: datetime) -> tuple[datetime, Scalar]:
    """When it happened, and what was said instead if that is absurd."""
    said = message.timestamp if message.timestamp not in {None, ""} else message.original_timestamp
    at = _moment("/timestamp", said)
    sent_at = _moment("/sentAt", message.sent_at)
    if sent_at is None:
        sent_at = _moment("/sentAt", batch_sent_at)
    occurred_at = clock.occurred(at, sent_at, received_at)
    return (received_at, said) if occurred_at is None else (occurred_at, None)


def _moment(pointer: str, value: Scalar) -> datetime | None:
    try:
        return clock.moment(value)
    except ValueError as error:
        raise Refusal((pointer, f"This is not a time in ISO 8601: {error}.")) from error


def _with_original(context: msgspec.Raw, original: Scalar) -> str:
    parts = msgspec.json.decode(context) if rules.given(context) else {}
    return msgspec.json.encode({**parts, "original_timestamp": original}).decode()


def _stable_id(raw: msgspec.Raw, message: Message) -> str:
    """An id for a message without one: a retry repeats everything but `sentAt`, so the rest of it is its id.

    Without a time of its own two equal messages may be two events, so each gets an id of its own.
    """
    if message.timestamp is None and message.original_timestamp is None:
        return f"none:{uuid4()}"
    content = msgspec.json.decode(raw)
    content.pop("sentAt", None)
    return "content:" + msgspec.json.encode(content, order="deterministic").decode()
