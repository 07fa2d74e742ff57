"""Writing the answer; parts that the database made as JSON are passed on as they are."""

from typing import Any, NamedTuple

import msgspec
from rapport.telemetry.masking import HIDDEN

from interaction_service.conversations.repository import Stored
from interaction_service.engagements.surroundings import Surroundings, Who
from interaction_service.history.repository import Overview
from interaction_service.history.rules import Share, totals
from interaction_service.masking import masked_data, masked_traits

_shares = msgspec.json.Decoder(list[Share]).decode
_items = msgspec.json.Decoder(list[dict[str, Any]]).decode


class Conversed(NamedTuple):
    """The conversation of an answer, and whether it was open before."""

    stored: Stored
    resumed: bool


def written(
    engagement_id: str | None,
    around: Surroundings,
    conversed: Conversed | None,
    past: Overview,
    *,
    personal: bool,
) -> bytes:
    """The answer of an engagement or a context as JSON."""
    return msgspec.json.encode(
        {
            "engagement_id": engagement_id,
            "profile": _profile(around.who, personal=personal),
            "conversation": _conversation(conversed) if conversed else None,
            "open": {"cases": msgspec.Raw(past.cases.encode()), "promises": [], "tasks": []},
            "history": _history(past, personal=personal),
            "standing": around.standing,
            "next": None if around.actions is None else {"actions": around.actions, "question": None},
            "degraded": around.degraded,
        }
    )


def _profile(who: Who, *, personal: bool) -> dict[str, Any]:
    name, traits = who.traits.display_name, who.traits.traits
    return {
        "profile_id": who.profile_id,
        "confidence": who.confidence,
        "created": who.created,
        "display_name": name if personal or name is None else HIDDEN,
        "language": who.traits.language,
        "traits": traits if personal else masked_traits(traits),
    }


def _conversation(conversed: Conversed) -> dict[str, Any]:
    stored = conversed.stored.summarised()
    return {
        "conversation_id": stored.conversation_id,
        "resumed": conversed.resumed,
        "topic": stored.topic,
        "opened_at": stored.opened_at,
        "last_channel": stored.last_channel,
        "last_message_at": stored.last_message_at,
        "messages": stored.messages,
        "summary": stored.summary,
    }


def _history(past: Overview, *, personal: bool) -> dict[str, Any]:
    figures = totals(_shares(past.rolled), _shares(past.counted))
    recent: Any = msgspec.Raw(past.recent.encode())
    if not personal:
        recent = [{**item, "data": masked_data(item["data"])} for item in _items(past.recent)]
    return {
        "touchpoints": figures.touchpoints,
        "first_at": figures.first_at,
        "last_at": figures.last_at,
        "by_channel": figures.by_channel,
        "recent": recent,
    }
