"""When a contact continues a conversation, and what a conversation comes to in a line. Pure."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

import msgspec

MESSAGES_SHOWN = 10
_QUOTED = 160
_ORDER = re.compile(
    r"(?:\b(?:order|invoice|bestellung|auftrag|commande|pedido|ordine|đơn(?: hàng)?)|訂單|订单|注文)"
    r"(?:\s*(?:no\.?|nr\.?|number|nummer|id|số|號|号|番号))?\s*[:#№]?\s*"
    r"((?=[A-Z0-9-]*\d)[A-Z0-9](?:[A-Z0-9-]{1,30}[A-Z0-9]))"
    r"|#(\d{3,20})\b",
    re.IGNORECASE,
)


class Said(msgspec.Struct):
    """One message of a conversation."""

    message_id: UUID
    direction: str
    channel: str
    author: str | None
    text: str
    occurred_at: datetime


class HasTopic(Protocol):
    """What the choice looks at."""

    @property
    def topic(self) -> str | None:
        """What it is about."""


T = TypeVar("T", bound=HasTopic)


def same_topic(one: str, other: str | None) -> bool:
    """Whether two topics are the same but for case and spaces."""
    return other is not None and " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def continued(open_ones: Sequence[T], topic: str | None) -> T | None:
    """The conversation a contact continues, of those open, newest first: that on its topic; without one the newest."""
    if topic is None:
        return open_ones[0] if open_ones else None
    return next((each for each in open_ones if same_topic(topic, each.topic)), None)


def order_numbers(texts: Sequence[str]) -> list[str]:
    """Order numbers that are mentioned, each once, in order."""
    found = (match[1] or match[2] for text in texts for match in _ORDER.finditer(text))
    return list(dict.fromkeys(number.upper() for number in found))


def summary(messages: Sequence[Said]) -> str | None:
    """What the customer said last, whether that is answered, and the orders mentioned; None when nothing was said."""
    if not messages:
        return None
    parts: list[str] = []
    asked = next((each for each in reversed(messages) if each.direction == "inbound"), None)
    if asked is not None:
        parts.append(f"Customer ({asked.channel}, {asked.occurred_at:%Y-%m-%d}): “{_quoted(asked.text)}”")
        parts.append("Answered." if messages[-1].direction == "outbound" else "Not answered yet.")
    else:
        parts.append(f"Only we wrote, last on {messages[-1].occurred_at:%Y-%m-%d}: “{_quoted(messages[-1].text)}”")
    if orders := order_numbers([each.text for each in messages]):
        parts.append(f"Orders mentioned: {', '.join(orders[:5])}.")
    return " ".join(parts)


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _QUOTED else line[: _QUOTED - 1].rstrip() + "…"
