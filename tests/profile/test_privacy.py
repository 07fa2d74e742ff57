"""I11: the customer's rights, in this service alone; tests/e2e/test_erasure.py plays them over all four."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from profile_service.main import create_app
from profile_service.privacy import repository as requests
from profile_service.privacy.erasure import erase_here
from profile_service.privacy.holdings import HOLDINGS
from profile_service.pseudonyms import Pseudonyms
from profile_service.settings import ProfileSettings
from rapport.identity import identity_id
from rapport.tokens import KeyStore
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.conftest import DatabaseFactory, TokenFactory
from tests.profile.conftest import SCOPES, Profiles, pairs
from tests.profile.test_consents import checked, put, reasons
from tests.profile.test_guards import POLICY, TABLET, deliver, seen
from tests.support.http import serve
from tests.support.polling import eventually


class Others:
    """The three other services in one: they hold nothing, remember what they were asked, and may be down."""

    def __init__(self) -> None:
        self.erasures: list[dict[str, Any]] = []
        self.down = False

    async def erase(self, request: Request) -> JSONResponse:
        """`POST /v1/privacy/erasures`."""
        if self.down:
            return JSONResponse({}, 503)
        self.erasures.append(await request.json())
        return JSONResponse({"service": "other", "counts": {}})

    async def export(self, request: Request) -> JSONResponse:
        """`POST /v1/privacy/exports`."""
        return JSONResponse({"service": "other", "sections": {"thing": [{"of": (await request.json())["identities"]}]}})

    @property
    def app(self) -> Starlette:
        """As a service."""
        return Starlette(
            routes=[
                Route("/v1/privacy/erasures", self.erase, methods=["POST"]),
                Route("/v1/privacy/exports", self.export, methods=["POST"]),
            ]
        )


@pytest.fixture
async def others() -> AsyncIterator[tuple[Others, str]]:
    """The other services, and where they are."""
    others = Others()
    async with serve(others.app) as url:
        yield others, url


@pytest.fixture
async def working(
    database: DatabaseFactory, keys: KeyStore, token: TokenFactory, others: tuple[Others, str]
) -> AsyncIterator[Profiles]:
    """A profile-service that carries requests out; the feeds it follows do not exist."""
    url = await database("profile")
    async with _running(url, keys, token, others[1]) as profiles:
        yield profiles


@asynccontextmanager
async def _running(url: str, keys: KeyStore, token: TokenFactory, others: str) -> AsyncIterator[Profiles]:
    settings = ProfileSettings(database_url=url, jwks_file=keys.jwks_path, default_country="TW")
    settings.interaction_url = settings.campaign_url = settings.segment_url = others
    app = create_app(settings)
    bearer = {"Authorization": f"Bearer {token(*SCOPES, 'privacy')}"}
    async with serve(app) as base, httpx.AsyncClient(base_url=base, headers=bearer, timeout=30) as client:
        yield Profiles(client, app.state.database)


async def ask(profiles: Profiles, type_: str, *identifiers: tuple[str, str]) -> dict[str, Any]:
    """A privacy request as first answered."""
    response = await profiles.client.post(
        "/v1/privacy-requests", json={"type": type_, "identifiers": pairs(*identifiers)}
    )
    assert response.status_code == 202, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def read(profiles: Profiles, request: dict[str, Any]) -> dict[str, Any]:
    """A privacy request as it is now."""
    answer: dict[str, Any] = (await profiles.client.get(f"/v1/privacy-requests/{request['id']}")).json()
    return answer


async def finished(profiles: Profiles, request: dict[str, Any]) -> dict[str, Any]:
    """A privacy request carried out."""

    async def over() -> dict[str, Any] | None:
        found = await read(profiles, request)
        return found if found["state"] == "succeeded" else None

    found: dict[str, Any] | None = await eventually(over, deadline=30)
    assert found is not None
    return found


async def dump(profiles: Profiles) -> str:
    """Every row of every table as text."""
    tables = await profiles.database.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    texts = [
        str(row[0])
        for table in tables
        for row in await profiles.database.pool.fetch(f'SELECT t::text FROM "{table["tablename"]}" AS t')
    ]
    return "\n".join(texts)


def test_i11_every_table_says_what_erasing_does_to_it() -> None:
    assert {"identity", "link", "fact", "consent", "opt_in", "suppression"} <= {each.table for each in HOLDINGS}


async def test_i11_erasing_one_of_two_on_a_tablet_keeps_the_others_data(
    working: Profiles, others: tuple[Others, str]
) -> None:
    ada = await working.resolve(("user_id", "ada-login"), ("device_id", "tablet-1"), ("email", "ada@example.org"))
    bob = await working.resolve(("user_id", "bob-login"), ("email", "bob@example.org"))
    seen = await working.client.post(
        "/v1/profiles/resolve", json={"identifiers": pairs(("user_id", "bob-login"), ("device_id", "tablet-1"))}
    )
    assert seen.json()["conflicts"], "the tablet is Ada's so far"
    await _hold(working, ("user_id", "bob-login"), ("device_id", "tablet-1"))
    await put(working, bob["profile_id"], "granted")
    done = await finished(working, await ask(working, "erasure", ("email", "ada@example.org")))
    assert {each["service"]: each["state"] for each in done["receipts"]} == dict.fromkeys(
        ("campaign", "interaction", "profile", "segment"), "done"
    )
    text = await dump(working)
    assert "ada-login" not in text
    assert "ada@" not in text
    assert (await working.client.get(f"/v1/profiles/{ada['profile_id']}")).status_code == 404
    assert await working.profile_of("email", "bob@example.org") == bob["profile_id"]
    assert await working.profile_of("device_id", "tablet-1") == bob["profile_id"], "nothing holds it back any more"
    assert await reasons(working, bob["profile_id"]) == ["granted"]
    told = others[0].erasures[0]
    assert told["shared"] == [str(identity_id("device_id", "tablet-1"))]
    assert str(identity_id("user_id", "ada-login")) in told["identities"]


async def test_i11_who_is_meant_is_settled_when_an_erasure_is_carried_out(
    profiles: Profiles, token: TokenFactory
) -> None:
    profiles.client.headers["Authorization"] = f"Bearer {token(*SCOPES, 'privacy')}"
    ada, bob, eve = ("user_id", "ada"), ("user_id", "bob"), ("email", "eve@example.org")
    await deliver(profiles, seen(1, ada, TABLET), seen(2, bob))
    eves = await profiles.link(ada, eve)
    asked = await ask(profiles, "erasure", ada)
    # Nobody waits for the job: Bob was seen with the tablet too, and Eve was somebody else.
    await deliver(profiles, seen(3, bob, TABLET))
    await profiles.client.delete(f"/v1/links/{eves['link_id']}")
    bobs, her = await profiles.profile_of(*bob), await profiles.profile_of(*eve)
    request = await requests.read(profiles.database.pool, UUID(asked["id"]))
    assert request is not None
    gone = await asyncio.gather(*(erase_here(profiles.database, POLICY, Pseudonyms(b"key"), request) for _ in "ab"))
    assert gone[0] == gone[1]
    assert (gone[0]["identity"], gone[0]["link"]) == (1, 2)
    assert await profiles.profile_of(*TABLET) == bobs, "nothing holds it back any more"
    assert await profiles.profile_of(*eve) == her
    settled = await requests.read(profiles.database.pool, request.request_id)
    assert settled is not None
    assert (settled.own, settled.shared) == ([identity_id(*ada)], [identity_id(*TABLET)])
    assert her not in map(str, settled.profiles)


async def test_i11_a_merged_customer_is_erased_as_a_whole_and_the_feed_forgets(working: Profiles) -> None:
    one = await working.create(identifiers=pairs(("email", "ada@example.org")), traits={"given_name": "Augusta"})
    other = await working.create(identifiers=pairs(("user_id", "ada-2")), traits={"family_name": "Byron-King"})
    carol = (await working.resolve(("email", "carol@example.org")))["profile_id"]
    await working.link(("email", "ada@example.org"), ("user_id", "ada-2"), reason="Augusta said so")
    before = len(await working.events())
    body = {"identifier": pairs(("email", "ada@example.org"))[0], "channel": "sms", "reason": "Augusta asked"}
    await working.client.post("/v1/suppressions", json=body)
    done = await finished(working, await ask(working, "erasure", ("user_id", "ada-2")))
    assert sorted(done["profile_ids"]) == sorted([one["profile_id"], other["profile_id"]])
    text = await dump(working)
    secrets = ("Augusta", "Byron-King", "ada@", "ada-2", str(identity_id("user_id", "ada-2")))
    assert [each for each in secrets if each in text] == []
    events = await working.events()
    assert len(events) == before + 3, "positions stay; added: the entry, the request, the end"
    types = [event["type"] for event in events]
    assert types[-1] == "privacy.erased"
    assert "privacy.erasure_requested" in types
    assigned = [event["data"]["assignments"] for event in events if event["type"] == "identity.assigned"]
    assert [each["profile_id"] for batch in assigned for each in batch] == [carol]


async def test_i11_who_was_erased_stays_left_alone_until_somebody_lifts_it(working: Profiles) -> None:
    await working.resolve(("email", "ada@example.org"))
    await finished(working, await ask(working, "erasure", ("email", "ada@example.org")))
    again = (await working.resolve(("email", "ada@example.org")))["profile_id"]
    await put(working, again, "granted")
    (item,) = await checked(working, again, sources=True)
    assert item["reason"] == "suppressed"
    query = {"kind": "email", "value": "Ada@example.org"}
    (entry,) = (await working.client.get("/v1/suppressions", params=query)).json()["items"]
    assert (entry["reason"], entry["hashed"], entry["identity_id"]) == ("erased", True, None)
    await working.client.delete(f"/v1/suppressions/{entry['suppression_id']}")
    assert await reasons(working, again) == ["granted"]


async def test_i11_a_request_waits_for_whoever_is_down_and_says_so(
    working: Profiles, others: tuple[Others, str]
) -> None:
    others[0].down = True
    await working.resolve(("email", "ada@example.org"))
    request = await ask(working, "erasure", ("email", "ada@example.org"))
    assert len(request["missing"]) == 4

    async def waits() -> bool:
        found = await read(working, request)
        return any(each["state"] == "waiting" and "503" in str(each["detail"]) for each in found["receipts"])

    await eventually(waits, deadline=20)
    others[0].down = False
    assert (await finished(working, request))["missing"] == []


async def test_i11_an_erasure_outlives_the_process_that_does_it(
    database: DatabaseFactory, keys: KeyStore, token: TokenFactory, others: tuple[Others, str]
) -> None:
    url = await database("profile")
    others[0].down = True
    async with _running(url, keys, token, others[1]) as profiles:
        await profiles.resolve(("email", "ada@example.org"))
        request = await ask(profiles, "erasure", ("email", "ada@example.org"))
        await eventually(lambda: _erased_here(profiles), deadline=20)
    others[0].down = False
    async with _running(url, keys, token, others[1]) as profiles:
        done = await finished(profiles, request)
    assert {each["service"]: each["counts"].get("identity") for each in done["receipts"]}["profile"] == 1
    assert {each["request_id"] for each in others[0].erasures} == {request["id"]}


async def _erased_here(profiles: Profiles) -> bool:
    return bool(await profiles.database.pool.fetchval("SELECT count(*) > 0 FROM erasure"))


async def test_i11_access_gives_everything_in_three_forms(working: Profiles) -> None:
    made = await working.create(
        identifiers=pairs(("email", "ada@example.org")), traits={"given_name": "Ada <b>", "birth_date": "1990-02-28"}
    )
    await put(working, made["profile_id"], "granted", proof="form 7")
    request = await ask(working, "access", ("email", "Ada@example.org"))
    done = await finished(working, request)
    exports = {name: await working.client.get(place) for name, place in done["exports"].items()}
    document = exports["json"].json()
    assert {"profile", "campaign", "segment", "interaction"} <= document.keys()
    assert {each["key"] for each in document["profile"]["fact"]} == {"given_name", "birth_date"}
    assert document["interaction"]["thing"] == [{"of": [str(identity_id("email", "ada@example.org"))]}]
    assert "Ada &lt;b&gt;" in exports["html"].text
    assert len(exports["ndjson"].text.splitlines()) == sum(
        len(rows) for name in ("profile", "campaign", "segment", "interaction") for rows in document[name].values()
    )
    assert (await working.client.get(f"/v1/privacy-requests/{request['id']}x/export")).status_code == 422
    await finished(working, await ask(working, "erasure", ("email", "ada@example.org")))
    assert (await working.client.get(done["exports"]["json"])).status_code == 404, "the export goes with the person"


async def test_i11_a_restriction_keeps_the_data_unused_until_it_is_lifted(
    profiles: Profiles, token: TokenFactory
) -> None:
    ada = (await profiles.resolve(("email", "ada@example.org")))["profile_id"]
    await put(profiles, ada, "granted")
    profiles.client.headers["Authorization"] = f"Bearer {token(*SCOPES, 'privacy')}"
    request = await ask(profiles, "restriction", ("email", "ada@example.org"))
    assert (request["state"], request["missing"]) == ("succeeded", [])
    assert await reasons(profiles, ada) == ["restricted"]
    bob = (await profiles.resolve(("user_id", "bob")))["profile_id"]
    link = await profiles.link(("email", "ada@example.org"), ("user_id", "bob"))
    assert await reasons(profiles, bob) == ["restricted"], "the strictest wins on a merge"
    await profiles.client.delete(f"/v1/links/{link['link_id']}")
    assert await reasons(profiles, bob) == ["no_consent"]
    lifted = await profiles.client.post(f"/v1/privacy-requests/{request['id']}/lift")
    assert lifted.json()["lifted_at"] is not None
    assert await reasons(profiles, ada) == ["granted"]
    assert (await profiles.client.post(f"/v1/privacy-requests/{request['id']}/lift")).status_code == 409
    types = [event["type"] for event in await profiles.events() if event["type"].startswith("privacy.")]
    assert types == ["privacy.restricted", "privacy.restriction_lifted"]


async def test_i11_a_restriction_leaves_alone_what_others_use_too(profiles: Profiles, token: TokenFactory) -> None:
    ada = await profiles.resolve(("device_id", "tablet-1"), ("user_id", "ada-login"))
    bob = await profiles.resolve(("user_id", "bob-login"), ("email", "bob@example.org"))
    await _hold(profiles, ("user_id", "bob-login"), ("device_id", "tablet-1"))
    for profile in (ada, bob):
        await put(profiles, profile["profile_id"], "granted")
    profiles.client.headers["Authorization"] = f"Bearer {token(*SCOPES, 'privacy')}"
    request = await ask(profiles, "restriction", ("user_id", "ada-login"))
    assert ada["profile_id"] in request["profile_ids"]
    assert request["receipts"][0]["counts"] == {"restriction": 1}
    assert await reasons(profiles, ada["profile_id"]) == ["restricted"]
    # It turns out that the tablet is not Ada's.
    (link,) = (each for each in await profiles.ledger(ada["profile_id"]) if each["state"] == "accepted")
    assert (await profiles.client.delete(f"/v1/links/{link['link_id']}")).status_code == 200
    assert await profiles.profile_of("device_id", "tablet-1") == await profiles.profile_of("user_id", "bob-login")
    assert await reasons(profiles, bob["profile_id"]) == ["granted"], "nobody asked that of Bob's data"
    assert await reasons(profiles, await profiles.profile_of("user_id", "ada-login")) == ["restricted"]


async def _hold(profiles: Profiles, a: tuple[str, str], b: tuple[str, str]) -> None:
    """The evidence of a touchpoint, which the guard holds back."""
    await profiles.database.pool.execute(
        "INSERT INTO link (a, b, kind, state, guards, source, confidence, evidence_at) "
        "VALUES (least($1::uuid, $2), greatest($1, $2), 'same_call', 'held', '{too_many:user_id}', 'test', 0.6, now())",
        identity_id(*a),
        identity_id(*b),
    )


async def test_i11_rights_need_the_scope(profiles: Profiles) -> None:
    body = {"type": "erasure", "identifiers": pairs(("email", "ada@example.org"))}
    response = await profiles.client.post("/v1/privacy-requests", json=body)
    assert (response.status_code, response.json()["scope"]) == (403, "privacy")
    calls = [profiles.client.post("/v1/privacy-requests", json=body) for _ in range(3)]
    assert {each.status_code for each in await asyncio.gather(*calls)} == {403}
