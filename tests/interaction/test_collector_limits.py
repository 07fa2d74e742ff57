"""What the collector refuses: too large, not valid, too much at once."""

import asyncio
import gzip
import json
from typing import Any

import httpx
import pytest

from tests.interaction.conftest import Interactions, Start
from tests.support.polling import eventually

MESSAGE, BATCH = 32 * 1024, 500 * 1024


def padded(body: dict[str, Any], size: int) -> bytes:
    """JSON of exactly `size` bytes."""
    empty = len(json.dumps({**body, "context": {"pad": ""}}))
    content = json.dumps({**body, "context": {"pad": "x" * (size - empty)}}).encode()
    assert len(content) == size
    return content


async def refusal(interactions: Interactions, path: str, content: bytes) -> dict[str, Any]:
    """The problem that a call meets, which stores nothing."""
    response = await interactions.collect(path, content=content)
    assert response.status_code == 400, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["access-control-allow-origin"] == "*"
    assert await interactions.recorded() == []
    problem: dict[str, Any] = response.json()
    return problem


async def test_a_message_of_32_kb_is_taken_and_one_byte_more_is_not(interactions: Interactions, user: str) -> None:
    body = {"userId": user, "event": "Big"}
    assert "32768" in (await refusal(interactions, "track", padded(body, MESSAGE + 1)))["detail"]
    batch = b'{"batch": [%s]}' % padded({**body, "type": "track"}, MESSAGE + 1)
    problem = await refusal(interactions, "batch", batch)
    assert problem["errors"][0]["pointer"] == "/batch/0"
    await interactions.collected("track", content=padded(body, MESSAGE))
    assert len(await interactions.recorded()) == 1


async def test_a_batch_of_500_kb_is_taken_and_one_byte_more_is_not(interactions: Interactions, user: str) -> None:
    message = padded({"userId": user, "event": "Big", "type": "track"}, 30_000).decode()

    def batch(size: int) -> bytes:
        body = f'{{"batch": [{", ".join([message] * 17)}]}}'
        return body.encode().ljust(size)

    assert "512000" in (await refusal(interactions, "batch", batch(BATCH + 1)))["detail"]
    await interactions.collected("batch", content=batch(BATCH))
    assert len(await interactions.recorded()) == 17


async def test_a_small_body_that_unpacks_to_much_is_refused(interactions: Interactions) -> None:
    bomb = gzip.compress(b" " * 20_000_000, 9)
    assert len(bomb) < BATCH
    assert "unpacked" in (await refusal(interactions, "batch", bomb))["detail"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b'{"batch": "x"}', "batch"),
        (b"{}", "batch"),
        (b"[]", "batch"),
        (b'"x"', "batch"),
        (b'{"batch": [], "sentAt": NaN}', "not valid JSON"),
        (b'{"batch": [{"a": "\xff"}]}', "not valid JSON"),
        (b'{"batch": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", "levels deep"),
    ],
)
async def test_a_body_that_is_no_batch_is_refused(interactions: Interactions, content: bytes, told: str) -> None:
    assert told in (await refusal(interactions, "batch", content))["detail"]


@pytest.mark.parametrize(
    ("message", "pointer"),
    [
        ({"type": "track", "event": "e"}, "/userId"),
        ({"type": "track", "event": "e", "userId": " ", "anonymousId": ""}, "/userId"),
        ({"type": "track", "event": "e", "userId": "x" * 513}, "/userId"),
        ({"type": "track", "event": "e", "userId": True}, "/userId"),
        ({"type": "track", "userId": "u"}, "/event"),
        ({"type": "track", "userId": "u", "event": " "}, "/event"),
        ({"type": "track", "userId": "u", "event": 5}, "/event"),
        ({"type": "group", "userId": "u"}, "/groupId"),
        ({"type": "alias", "userId": "u", "previousId": None}, "/previousId"),
        ({"type": "purchase", "userId": "u"}, "/type"),
        ({"userId": "u"}, "/type"),
        ({"type": "page", "userId": "u", "properties": []}, "/properties"),
        ({"type": "identify", "userId": "u", "traits": "x"}, "/traits"),
        ({"type": "page", "userId": "u", "context": 1}, "/context"),
        ({"type": "page", "userId": "u", "context": {"traits": 1}}, "/context/traits"),
        ({"type": "page", "userId": "u", "timestamp": "yesterday"}, "/timestamp"),
        ({"type": "page", "userId": "u", "sentAt": "13 o'clock"}, "/sentAt"),
        ({"type": "page", "userId": "u", "messageId": "m" * 513}, "/messageId"),
        ("page", ""),
        (None, ""),
    ],
)
async def test_one_bad_message_refuses_the_batch_and_says_where(
    interactions: Interactions, user: str, message: Any, pointer: str
) -> None:
    good = {"type": "page", "userId": user}
    problem = await refusal(interactions, "batch", json.dumps({"batch": [good, message, good]}).encode())
    assert problem["type"] == "urn:rapport:problem:messages-refused"
    assert [each["pointer"] for each in problem["errors"]] == [f"/batch/1{pointer}"]
    assert "Nothing was stored" in problem["detail"]


async def test_the_good_ones_of_a_refused_batch_are_taken_when_sent_again(
    interactions: Interactions, user: str
) -> None:
    batch = [{"type": "page", "userId": user, "messageId": f"{user}-{number}"} for number in range(3)]
    await refusal(interactions, "batch", json.dumps({"batch": [*batch, {"type": "page"}]}).encode())
    await interactions.collected("batch", {"batch": batch})
    assert [each["message_id"] for each in await interactions.recorded()] == [each["messageId"] for each in batch]


class Trickle:
    """A call whose body is not complete before it is told to be; by hand, as clients read no answer before that."""

    def __init__(self, user: str) -> None:
        self.end = asyncio.Event()
        self._body = json.dumps({"event": "Slow", "userId": user}).encode()

    async def sent(self, interactions: Interactions) -> tuple[int, str]:
        """Status and text of the answer, once the collector had a place for the call."""
        while True:
            status, text = await self._tried(interactions)
            if "urn:rapport:problem:overloaded" not in text:
                return status, text

    async def _tried(self, interactions: Interactions) -> tuple[int, str]:
        url = interactions.client.base_url
        reader, writer = await asyncio.open_connection(url.host, url.port)
        head = f"POST /v1/track HTTP/1.1\r\nhost: test\r\ncontent-length: {len(self._body)}\r\nconnection: close\r\n"
        writer.write(f"{head}authorization: Bearer {interactions.write_key}\r\n\r\n".encode() + self._body[:5])
        answer, told = asyncio.create_task(reader.read()), asyncio.create_task(self.end.wait())
        await asyncio.wait({answer, told}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            writer.write(self._body[5:])
        text = (await answer).decode()
        told.cancel()
        writer.close()
        return int(text.split()[1]), text


def overloaded(response: httpx.Response) -> bool:
    """Whether a call found no place."""
    return response.status_code == 503 and bool(response.json()["type"] == "urn:rapport:problem:overloaded")


@pytest.mark.parametrize("bounds", [{"collector_requests": 2}, {"collector_bytes": 1 << 20}])
async def test_beyond_what_it_holds_callers_are_asked_to_come_again(
    start: Start, user: str, bounds: dict[str, int]
) -> None:
    async with start(**bounds) as interactions:
        trickles = [Trickle(f"{user}-{number}") for number in range(2)]
        held = [asyncio.create_task(each.sent(interactions)) for each in trickles]
        late = {"userId": user, "event": "Late", "messageId": user}

        async def refused() -> httpx.Response:
            response = await interactions.collect("track", late)
            assert overloaded(response)
            return response

        response = await eventually(refused)
        assert int(response.headers["retry-after"]) >= 1
        assert response.headers["access-control-allow-origin"] == "*"
        # Reading is not held up by a full collector.
        assert (await interactions.client.get("/v1/feed")).status_code == 200
        for each in trickles:
            each.end.set()
        assert [status for status, _ in await asyncio.gather(*held)] == [200, 200]
        await interactions.collected("track", late)
        names = sorted(each["name"] for each in await interactions.recorded())
    assert names == ["Late", "Slow", "Slow"]


async def test_callers_that_never_finish_do_not_keep_the_others_out(start: Start, user: str) -> None:
    async with start(collector_requests=1, collector_body_seconds=1) as interactions:
        trickle = Trickle(user)
        stuck = asyncio.create_task(trickle.sent(interactions))
        page = {"userId": user, "messageId": user}

        async def refused() -> bool:
            return overloaded(await interactions.collect("page", page))

        await eventually(refused)

        async def taken() -> bool:
            return (await interactions.collect("page", page)).status_code == 200

        await eventually(taken)
        status, text = await stuck
        assert status == 503
        assert "urn:rapport:problem:body-late" in text
        assert "retry-after: 1" in text.lower()
        assert [each["type"] for each in await interactions.recorded()] == ["page"]
