"""The Segment HTTP Tracking API as SDKs of all sorts use it."""

import gzip
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from rapport.identity import identity_id

from tests.conftest import TokenFactory
from tests.interaction.conftest import Interactions

# What each call carries, and the type, name and data of the touchpoint it becomes.
CALLS: dict[str, tuple[dict[str, Any], str | None, dict[str, Any]]] = {
    "identify": ({"traits": {"plan": "gold"}}, None, {"traits": {"plan": "gold"}}),
    "track": ({"event": "Order Completed", "properties": {"order_id": "o-1"}}, "Order Completed", {"order_id": "o-1"}),
    "page": ({"name": "Home", "properties": {"path": "/"}}, "Home", {"path": "/"}),
    "screen": ({"name": "Start", "properties": {"tab": 2}}, "Start", {"tab": 2}),
    "group": ({"groupId": "g-1", "traits": {"size": 3}}, None, {"group_id": "g-1", "traits": {"size": 3}}),
    "alias": ({"previousId": "a-1"}, None, {"previous_id": "a-1"}),
}
PATHS = [(path, kind) for kind in CALLS for path in (kind, kind[0])]


@pytest.fixture
def message() -> dict[str, Any]:
    """A track call."""
    return {"userId": "u-1", "event": "Product Viewed", "messageId": uuid4().hex, "properties": {"product_id": "p"}}


async def test_every_call_and_short_form_becomes_a_touchpoint_of_its_type(interactions: Interactions) -> None:
    for path, kind in PATHS:
        await interactions.collected(path, {"userId": path, **CALLS[kind][0]})
    recorded = {each["identifiers"][0]["value"]: each for each in await interactions.recorded()}
    assert len(recorded) == len(PATHS) == 12
    for path, kind in PATHS:
        found = recorded[path]
        assert (found["type"], found["name"], found["data"]) == (kind, *CALLS[kind][1:])
        assert found["identity_id"] == str(identity_id("user_id", path))
        assert (found["channel"], found["direction"], found["source"]) == ("web", "inbound", "collector")


async def test_a_batch_holds_all_types_and_keeps_their_order(interactions: Interactions) -> None:
    batch = [{"type": kind, "userId": "u-1", **body} for kind, (body, _, _) in CALLS.items()]
    await interactions.collected("batch", {"batch": batch})
    assert [each["type"] for each in await interactions.recorded()] == list(CALLS)


async def test_an_empty_batch_is_a_success(interactions: Interactions) -> None:
    await interactions.collected("batch", {"batch": []})
    assert await interactions.recorded() == []


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", 'text/plain;x="y'])
async def test_the_body_is_json_whatever_the_content_type_says(
    interactions: Interactions, message: dict[str, Any], content_type: str
) -> None:
    body = json.dumps({**message, "writeKey": interactions.write_key})
    # A browser's beacon: no header of ours, the key in the body.
    async with httpx.AsyncClient(base_url=interactions.client.base_url) as browser:
        response = await browser.post("/v1/t", content=body, headers={"content-type": content_type})
    assert (response.status_code, response.json()) == (200, {"success": True})
    assert response.headers["access-control-allow-origin"] == "*"
    assert [each["message_id"] for each in await interactions.recorded()] == [message["messageId"]]


async def test_a_batch_may_carry_the_write_key_in_its_body_too(
    interactions: Interactions, message: dict[str, Any]
) -> None:
    body = {"writeKey": interactions.write_key, "batch": [{"type": "track", **message}]}
    async with httpx.AsyncClient(base_url=interactions.client.base_url) as browser:
        assert (await browser.post("/v1/batch", json=body)).status_code == 200
    assert len(await interactions.recorded()) == 1


async def test_a_page_of_another_origin_may_ask_first(interactions: Interactions) -> None:
    async with httpx.AsyncClient(base_url=interactions.client.base_url) as browser:
        response = await browser.options("/v1/t", headers={"origin": "https://shop.test"})
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "*"
    assert "Content-Type" in response.headers["access-control-allow-headers"]


@pytest.mark.parametrize("header", [{"content-encoding": "gzip"}, {}, {"content-encoding": "GZIP"}])
async def test_gzip_is_unpacked_even_when_nothing_says_so(
    interactions: Interactions, message: dict[str, Any], header: dict[str, str]
) -> None:
    body = gzip.compress(json.dumps({"batch": [{"type": "track", **message}]}).encode())
    await interactions.collected("batch", content=body, headers=header)
    (found,) = await interactions.recorded()
    assert found["data"] == message["properties"]


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b'{"userId": "u"}')[:-9],
        gzip.compress(b'{"userId": "u"}') + b"more",
        b"\x1f\x8bnot gzip at all",
    ],
    ids=["cut short", "more behind", "only the head"],
)
async def test_broken_gzip_is_refused(interactions: Interactions, body: bytes) -> None:
    response = await interactions.collect("identify", content=body, headers={"content-encoding": "gzip"})
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert "gzip" in response.json()["detail"]


async def test_nulls_are_as_good_as_nothing(interactions: Interactions, message: dict[str, Any]) -> None:
    nulls = dict.fromkeys(["anonymousId", "context", "integrations", "timestamp", "sentAt", "traits", "name"])
    await interactions.collected("track", {**message, **nulls})
    await interactions.collected("batch", {"batch": [{"type": "track", **message, "messageId": None, **nulls}]})
    await interactions.collected("page", {"userId": None, "anonymousId": "a-1", "properties": None})
    first, second, page = await interactions.recorded()
    assert first["identifiers"] == second["identifiers"] == [{"kind": "user_id", "value": "u-1"}]
    assert page["identity_id"] == str(identity_id("anonymous_id", "a-1"))
    assert (page["data"], page["name"]) == ({}, None)


async def test_identifiers_are_all_told_in_their_canonical_form_strongest_first(interactions: Interactions) -> None:
    traits = {"email": "Ada@Example.org", "phone": "02 2345 6789", "loyaltyCard": "12-34 ab"}
    context = {"device": {"id": "dev-1"}}
    body = {"userId": 4711, "anonymousId": "a-1", "traits": traits, "context": context}
    await interactions.collected("identify", body)
    (found,) = await interactions.recorded()
    assert found["identity_id"] == str(identity_id("user_id", "4711"))
    assert [(each["kind"], each["value"]) for each in found["identifiers"]] == [
        ("user_id", "4711"),
        ("loyalty_card", "1234AB"),
        ("email", "ada@example.org"),
        ("phone", "+886223456789"),
        ("device_id", "dev-1"),
        ("anonymous_id", "a-1"),
    ]


async def test_traits_that_are_no_identifiers_do_not_keep_a_message_out(interactions: Interactions) -> None:
    await interactions.collected("identify", {"userId": "u-1", "traits": {"email": "none", "phone": "n/a", "age": 7}})
    (found,) = await interactions.recorded()
    assert found["identifiers"] == [{"kind": "user_id", "value": "u-1"}]
    assert found["data"]["traits"] == {"email": "none", "phone": "n/a", "age": 7}


@pytest.mark.parametrize(
    ("parts", "channel", "direction"),
    [
        ({"context": {"channel": "shop"}}, "shop", "inbound"),
        ({"context": {"channel": "shop"}, "properties": {"channel": "phone"}}, "phone", "inbound"),
        ({"context": {"library": {"name": "analytics-python"}}}, "server", "inbound"),
        ({"context": {"library": {"name": "analytics-ios"}}}, "mobile", "inbound"),
        ({"properties": {"direction": "outbound", "channel": 5}}, "web", "outbound"),
    ],
)
async def test_channel_and_direction_come_from_properties_context_or_library(
    interactions: Interactions, message: dict[str, Any], parts: dict[str, Any], channel: str, direction: str
) -> None:
    await interactions.collected("track", {**message, **parts})
    (found,) = await interactions.recorded()
    assert (found["channel"], found["direction"]) == (channel, direction)


async def test_text_that_postgresql_cannot_hold_is_mended_not_refused(interactions: Interactions) -> None:
    body = rb'{"userId": "u-1", "event": "a\u0000b", "properties": {"half": "\ud800!", "whole": "\ud83d\ude00"}}'
    await interactions.collected("track", content=body)
    (found,) = await interactions.recorded()
    assert (found["name"], found["data"]) == ("ab", {"half": "\ufffd!", "whole": "\U0001f600"})


@pytest.mark.parametrize("key", ["", "wrong", "a.b.c", "ключ"])
async def test_a_wrong_key_is_401_in_header_and_body(interactions: Interactions, key: str) -> None:
    url = interactions.client.base_url
    async with httpx.AsyncClient(base_url=url) as stranger:
        answers = [
            await stranger.post("/v1/track", json={"writeKey": key, "userId": "u", "event": "e"}),
            await stranger.post("/v1/track", json={"userId": "u", "event": "e"}, auth=(key.encode(), b"")),
            await stranger.post("/v1/batch", json={"batch": []}),
        ]
    for answer in answers:
        assert answer.status_code == 401, answer.text
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert answer.json()["type"] == "urn:rapport:problem:unauthorized"
    assert await interactions.recorded() == []


async def test_a_key_without_the_scope_is_403_that_names_it(interactions: Interactions, token: TokenFactory) -> None:
    response = await interactions.collect("track", {"userId": "u", "event": "e"}, key=token("interactions:write"))
    assert response.status_code == 403
    assert response.json()["scope"] == "collect"


async def test_a_bearer_token_with_the_scope_is_a_write_key(interactions: Interactions) -> None:
    headers = {"authorization": f"Bearer {interactions.write_key}"}
    response = await interactions.client.post("/v1/identify", json={"userId": "u"}, headers=headers)
    assert response.status_code == 200
