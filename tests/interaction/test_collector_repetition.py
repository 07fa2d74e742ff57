"""A message told again is the same message: in one call, later, side by side, or without an id."""

import asyncio
import random
from typing import Any

from interaction_service.settings import InteractionSettings
from interaction_service.touchpoints.repository import purge_message_keys

from tests.conftest import TokenFactory
from tests.interaction.conftest import Interactions


def pages(user: str, *message_ids: str | None) -> dict[str, Any]:
    """A batch of page calls."""
    return {"batch": [{"type": "page", "userId": user, "messageId": each} for each in message_ids]}


async def ids(interactions: Interactions) -> list[str]:
    """Message ids as the feed announced them."""
    return [each["message_id"] for each in await interactions.recorded()]


async def stored(interactions: Interactions, user: str) -> list[str]:
    """Message ids as they are in the customer's history."""
    profile = await interactions.world.person(("user_id", user))
    return sorted(each["message_id"] for each in await rows(interactions, profile))


async def rows(interactions: Interactions, profile: Any) -> list[dict[str, Any]]:
    """A history with its message ids, which the API does not show."""
    found = await interactions.history(profile, limit=500)
    async with interactions.database() as conn:
        known = {
            str(row["touchpoint_id"]): row["message_id"]
            for row in await conn.fetch("SELECT touchpoint_id, message_id FROM touchpoint")
        }
    return [{**each, "message_id": known[each["touchpoint_id"]]} for each in found]


async def test_a_message_repeated_in_its_batch_counts_once_the_first_of_them(
    interactions: Interactions, user: str
) -> None:
    batch = pages(user, "a", "b", "a", "c", "a")
    for number, each in enumerate(batch["batch"]):
        each["messageId"] += user
        each["name"] = str(number)
    await interactions.collected("batch", batch)
    assert [each["name"] for each in await interactions.recorded()] == ["0", "1", "3"]


async def test_a_message_repeated_later_and_by_another_call_counts_once(interactions: Interactions, user: str) -> None:
    first, second, third = (f"{user}-{number}" for number in range(3))
    await interactions.collected("batch", pages(user, first, second))
    await interactions.collected("batch", pages(user, second, third, first))
    await interactions.collected("page", {"userId": user, "messageId": first})
    assert await ids(interactions) == [first, second, third]
    assert await stored(interactions, user) == [first, second, third]


async def test_batches_side_by_side_that_overlap_store_each_message_once(interactions: Interactions, user: str) -> None:
    chance = random.Random(4)
    names = [f"{user}-{number:03}" for number in range(60)]
    calls = [interactions.collected("batch", pages(user, *chance.sample(names, 40))) for _ in range(24)]
    calls += [interactions.collected("page", {"userId": user, "messageId": each}) for each in names]
    await asyncio.gather(*calls)
    assert sorted(await ids(interactions)) == names
    assert await stored(interactions, user) == names


async def test_two_sources_may_number_alike(interactions: Interactions, user: str, token: TokenFactory) -> None:
    for key in (None, token("collect", subject="another shop")):
        await interactions.collected("batch", pages(user, user), key=key)
    assert await ids(interactions) == [user, user]


async def test_a_message_without_an_id_is_known_by_its_content_if_that_has_a_time(
    interactions: Interactions, user: str
) -> None:
    first = {"userId": user, "event": "e", "timestamp": "2026-11-02T10:00:00Z", "properties": {"b": 1, "a": 2}}
    again = {"properties": {"a": 2, "b": 1}, **{k: first[k] for k in ("timestamp", "event", "userId")}}
    await interactions.collected("track", {**first, "sentAt": "2026-11-02T10:00:01Z"})
    await interactions.collected("track", {**again, "sentAt": "2026-11-02T10:05:00Z"})
    await interactions.collected("track", {**first, "properties": {"a": 3}})
    assert [each["data"] for each in await interactions.recorded()] == [{"b": 1, "a": 2}, {"a": 3}]


async def test_equal_messages_with_neither_id_nor_time_are_two_events(interactions: Interactions, user: str) -> None:
    body = {"userId": user, "event": "Liked"}
    await interactions.collected("track", body)
    await interactions.collected("track", body)
    assert len(await interactions.recorded()) == 2


async def test_message_ids_are_kept_for_more_than_a_day_and_not_for_ever(interactions: Interactions, user: str) -> None:
    kept = InteractionSettings.model_fields["message_ids_kept_days"].default
    assert kept > 1
    old, older = f"{user}-old", f"{user}-older"
    await interactions.collected("batch", pages(user, old, older))
    recorded = {each["message_id"]: each["touchpoint_id"] for each in await interactions.recorded()}
    move = """UPDATE collected_message SET received_at = now() - make_interval(days => $2, hours => $3)
              WHERE touchpoint_id = $1"""
    async with interactions.database() as conn:
        await conn.execute(move, recorded[old], kept, -1)
        await conn.execute(move, recorded[older], kept, 1)
        await purge_message_keys(conn, kept)
    await interactions.collected("batch", pages(user, old, older))
    assert await ids(interactions) == [old, older, older]
