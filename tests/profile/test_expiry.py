"""I7: traits that change because a fact has expired are announced, once, and searching follows."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from profile_service.facts.expiry import announce, follow_expiry
from profile_service.main import create_app
from profile_service.settings import ProfileSettings

from tests.profile.conftest import Profiles, pairs
from tests.support.polling import eventually


async def tell(profiles: Profiles, profile_id: str, key: str, value: Any, source: str, *, ends: bool) -> None:
    expires_at = (datetime.now(UTC) + timedelta(days=1)).isoformat() if ends else None
    body = {"key": key, "value": value, "source": source, "expires_at": expires_at}
    told = await profiles.client.post(f"/v1/profiles/{profile_id}/facts", json=body)
    assert told.status_code == 201, told.text


async def pass_time(profiles: Profiles) -> None:
    """Everything that expires has done so just now, at one moment, having counted until then."""
    await profiles.database.pool.execute(
        "UPDATE fact SET expires_at = date_trunc('minute', now()) - interval '1 minute', "
        "recorded_at = now() - interval '1 hour' WHERE expires_at > now()"
    )


async def work_off(profiles: Profiles, most: int) -> None:
    while True:
        async with profiles.database.transaction() as connection:
            if not await announce(connection, most):
                return


async def customer(profiles: Profiles, name: str) -> str:
    """Known by a name for good and by another, for the time being, that counts more: it is newer."""
    made = await profiles.create(identifiers=pairs(("user_id", name)), traits={"given_name": name, "shoe": 42})
    profile_id = str(made["profile_id"])
    await tell(profiles, profile_id, "given_name", "Borrowed", "call", ends=True)
    await tell(profiles, profile_id, "mood", "cheerful", "call", ends=True)
    await tell(profiles, profile_id, "mood", "cheerful", "web", ends=True)
    await tell(profiles, profile_id, "shoe", 42, "call", ends=True)
    await tell(profiles, profile_id, "country", "VN", "call", ends=False)
    return profile_id


async def found(profiles: Profiles, name: str) -> list[str]:
    answer = (await profiles.client.get("/v1/profiles", params={"q": name})).json()
    return [str(each["profile_id"]) for each in answer["items"]]


async def test_i7_each_change_by_expiry_is_announced_once(profiles: Profiles) -> None:
    customers = [await customer(profiles, name) for name in ("Wilhelmina", "Bartholomew")]
    before = len(await profiles.events())
    await work_off(profiles, 1)
    assert len(await profiles.events()) == before, "nothing has expired yet"
    await pass_time(profiles)
    # Dies in the middle; and two processes at a time, fact by fact.
    transaction = profiles.database.transaction()
    connection = await transaction.__aenter__()
    assert await announce(connection, 5) == 5
    async with profiles.database.transaction() as other:
        assert await announce(other, 5) == 0, "somebody is at it"
    await transaction.__aexit__(RuntimeError, RuntimeError("killed"), None)
    await asyncio.gather(*(work_off(profiles, 1) for _ in range(2)))
    await work_off(profiles, 1)
    told = [(event["data"]["profile_id"], tuple(event["data"]["keys"])) for event in (await profiles.events())[before:]]
    # The shoe is 42 as before, and a mood is gone when both who told it are past.
    assert sorted(told) == sorted((each, (key,)) for each in customers for key in ("given_name", "mood"))
    await work_off(profiles, 100)
    assert len(await profiles.events()) == before + 4
    file = await profiles.read(customers[0])
    assert file["traits"] == {"given_name": "Wilhelmina", "shoe": 42, "country": "VN"}


async def test_i7_searching_follows_names_that_expire(profiles: Profiles) -> None:
    lent = await customer(profiles, "Wilhelmina")
    own = (await profiles.create(traits={"given_name": "Borrowed", "family_name": "Longer"}))["profile_id"]
    assert await found(profiles, "Borrowed") == [lent, own], "of two present names the shorter one first"
    await pass_time(profiles)
    await work_off(profiles, 1_000)
    assert await found(profiles, "Borrowed") == [own, lent], "a present name comes before a past one"


async def test_i7_a_worker_announces_expiry(profiles: Profiles) -> None:
    profile_id = await customer(profiles, "Wilhelmina")
    await pass_time(profiles)
    app = create_app(ProfileSettings(database_url=profiles.database.url, role="worker"))
    app.state.database = profiles.database
    worker = asyncio.create_task(follow_expiry(app))

    async def announced() -> bool:
        return {"given_name", "mood"} == {key for event in await profiles.events() for key in _keys(event, profile_id)}

    def _keys(event: dict[str, Any], whose: str) -> list[str]:
        data = event["data"]
        alone = event["type"] == "profile.updated" and data["profile_id"] == whose and len(data["keys"]) == 2
        return data["keys"] if alone else []

    await eventually(announced)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
