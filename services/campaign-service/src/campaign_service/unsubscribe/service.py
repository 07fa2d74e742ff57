"""Leaving: heeded here at once, told to profile-service through the feed."""

from rapport.database import Connection
from rapport.errors import NotFound
from rapport.feed import Event, append

from campaign_service.unsubscribe import repository
from campaign_service.unsubscribe.links import Links


class LinkUnknown(NotFound):
    name, title = "link-unknown", "This link is not one of ours"


async def state(connection: Connection, links: Links, token: str) -> bool:
    """Whether the reader of that message has unsubscribed; raises `LinkUnknown`."""
    send_id = links.send_id(token)
    found = await repository.send(connection, send_id) if send_id else None
    if found is None:
        raise LinkUnknown
    return found["at"] is not None


async def unsubscribe(connection: Connection, links: Links, token: str) -> None:
    """Leave the reader of that message alone from now on; doing it again changes nothing. Raises `LinkUnknown`."""
    send_id = links.send_id(token)
    found = await repository.send(connection, send_id) if send_id else None
    if found is None:
        raise LinkUnknown
    at = await repository.keep(connection, found)
    if at is not None:
        data = {
            "identity_id": found["identity_id"],
            "profile_id": found["profile_id"],
            "kind": found["channel"],
            "value": found["address"],
            "channel": found["channel"],
            "purpose": found["purpose"],
            "source": "unsubscribe link",
            "proof": found["send_id"],
            "at": at,
        }
        event = Event(type="consent.withdrawn", time=at, subject=str(found["identity_id"]), data=data)
        await append(connection, [event])
