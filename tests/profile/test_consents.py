"""I10: consent by channel and purpose with date, source and proof; registries; the strictest wins on a merge."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from rapport.identity import identity_id

from tests.conftest import TokenFactory
from tests.profile.conftest import Profiles, pairs

NUMBERS = "phone,expires_at\n02 2345 6789,\n+886912345678,2020-01-01\nno number,\n0912 345 679,2999-01-01\n"


async def put(profiles: Profiles, profile_id: str, status: str, **more: Any) -> dict[str, Any]:
    """Note a word on marketing by e-mail."""
    place = f"/v1/profiles/{profile_id}/consents/{more.pop('channel', 'email')}/marketing"
    response = await profiles.client.put(place, json={"status": status, **more})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def reasons(profiles: Profiles, *profile_ids: str, channel: str = "email") -> list[str]:
    """Why these may, or may not, be contacted."""
    return [each["reason"] for each in await checked(profiles, *profile_ids, channel=channel)]


async def checked(profiles: Profiles, *profile_ids: str, channel: str = "email", **more: Any) -> list[dict[str, Any]]:
    """Items of the check."""
    body = {"profile_ids": list(profile_ids), "channel": channel, "purpose": "marketing", **more}
    response = await profiles.client.post("/v1/consents/check", json=body)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    assert [each["allowed"] for each in items] == [each["reason"] == "granted" for each in items]
    return items


async def path_of(confirmation: dict[str, Any]) -> str:
    """The path of a link to the customer."""
    return str(urlsplit(confirmation["url"]).path)


async def test_i10_history_with_date_source_and_proof(profiles: Profiles) -> None:
    ada = (await profiles.resolve(("email", "ada@example.org")))["profile_id"]
    assert await reasons(profiles, ada, str(uuid4())) == ["no_consent", "unknown_profile"]
    await put(profiles, ada, "granted", source="web form", proof="form 7, 2026-01-01", at="2026-01-01T10:00:00Z")
    await put(profiles, ada, "withdrawn", source="call centre", proof="call 99", at="2026-02-01T10:00:00+08:00")
    assert await reasons(profiles, ada) == ["withdrawn"]
    (word,) = (await profiles.client.get(f"/v1/profiles/{ada}/consents")).json()["items"]
    assert (word["status"], word["source"], word["proof"]) == ("withdrawn", "call centre", "call 99")
    assert [(each["status"], each["at"]) for each in word["history"]] == [
        ("withdrawn", "2026-02-01T02:00:00Z"),
        ("granted", "2026-01-01T10:00:00Z"),
    ]


async def test_i10_a_double_opt_in_counts_for_nothing_until_the_customer_confirms_it(profiles: Profiles) -> None:
    ada = (await profiles.resolve(("email", "ada@example.org")))["profile_id"]
    answer = await put(profiles, ada, "granted", double_opt_in=True, source="web form", proof="form 8")
    assert answer["status"] == "pending"
    assert await reasons(profiles, ada) == ["no_consent"]
    path = await path_of(answer["confirmation"])
    async with httpx.AsyncClient(base_url=profiles.client.base_url) as customer:
        page = await customer.get(path)
        assert page.status_code == 200
        assert "Please confirm" in page.text
        assert await reasons(profiles, ada) == ["no_consent"], "looking at the page must change nothing"
        assert (await customer.post(path)).status_code == 200
        assert (await customer.post(path)).status_code == 200
        assert (await customer.post(path[:-3] + "xyz")).status_code == 404
    assert await reasons(profiles, ada) == ["granted"]
    (word,) = (await profiles.client.get(f"/v1/profiles/{ada}/consents")).json()["items"]
    assert word["proof"].startswith("form 8 Asked for at ")
    assert "confirmed at" in word["proof"]
    assert [each["status"] for each in word["history"]] == ["granted"]
    kinds = [event["type"] for event in await profiles.events() if event["type"].startswith("consent.")]
    assert kinds == ["consent.confirmation_requested", "consent.changed"]


async def test_i10_a_grant_asked_for_does_not_undo_a_refusal(profiles: Profiles) -> None:
    ada = (await profiles.resolve(("email", "ada@example.org")))["profile_id"]
    await put(profiles, ada, "denied")
    assert (await put(profiles, ada, "granted", double_opt_in=True))["status"] == "pending"
    assert await reasons(profiles, ada) == ["denied"]
    (item,) = await checked(profiles, ada, sources=True)
    assert {(each["kind"], each["status"]) for each in item["sources"]} == {
        ("consent", "denied"),
        ("opt_in", "pending"),
    }


async def test_i10_the_strictest_word_wins_on_a_merge_and_comes_apart_again(profiles: Profiles) -> None:
    ada = (await profiles.resolve(("email", "ada@example.org")))["profile_id"]
    bob = (await profiles.resolve(("user_id", "bob")))["profile_id"]
    await put(profiles, ada, "granted")
    await put(profiles, bob, "denied")
    link = await profiles.link(("email", "ada@example.org"), ("user_id", "bob"))
    assert await reasons(profiles, ada, bob) == ["denied", "denied"]
    await profiles.client.delete(f"/v1/links/{link['link_id']}")
    assert await reasons(profiles, ada, bob) == ["granted", "denied"]


async def test_i10_a_register_of_a_jurisdiction_is_heeded_until_it_expires(profiles: Profiles) -> None:
    listed = (await profiles.resolve(("phone", "+886223456789")))["profile_id"]
    over = (await profiles.resolve(("phone", "+886912345678")))["profile_id"]
    later = (await profiles.resolve(("phone", "+886912345679")))["profile_id"]
    for each in (listed, over, later):
        await put(profiles, each, "granted", channel="phone")
        await put(profiles, each, "granted")
    done = await _import(profiles, NUMBERS, registry="tw-dnc", jurisdiction="TW", channels=["phone"])
    assert {name: done[name] for name in ("rows", "accepted", "rejected")} == {"rows": 4, "accepted": 3, "rejected": 1}
    assert [each["row"] for each in done["errors"]] == [4]
    assert await reasons(profiles, listed, over, later, channel="phone") == ["suppressed", "granted", "suppressed"]
    assert await reasons(profiles, listed) == ["granted"], "the registry is about calls"
    (item,) = await checked(profiles, listed, channel="phone", sources=True)
    (source,) = [each for each in item["sources"] if each["kind"] == "suppression"]
    assert (source["registry"], source["jurisdiction"]) == ("tw-dnc", "TW")

    async def found(value: str) -> list[dict[str, Any]]:
        query = {"kind": "phone", "value": value}
        items: list[dict[str, Any]] = (await profiles.client.get("/v1/suppressions", params=query)).json()["items"]
        return items

    (entry,) = await found("02 2345 6789")
    assert (entry["registry"], entry["hashed"], entry["identifier"]["value"]) == ("tw-dnc", True, "***")
    dump = await profiles.database.pool.fetchval("SELECT string_agg(h::text, '') FROM hashed_suppression AS h")
    assert "223456789" not in dump

    await _import(profiles, "0912 345 679\n", registry="tw-dnc", jurisdiction="TW", channels=["phone"], mode="replace")
    assert await reasons(profiles, listed, over, later, channel="phone") == ["granted", "granted", "suppressed"]
    (registry,) = (await profiles.client.get("/v1/suppressions/registries")).json()["items"]
    assert (registry["registry"], registry["entries"], registry["imported_by"]) == ("tw-dnc", 1, "tester")
    assert (await profiles.client.delete("/v1/suppressions/registries/tw-dnc")).status_code == 204
    assert await reasons(profiles, later, channel="phone") == ["granted"]
    assert (await profiles.client.delete("/v1/suppressions/registries/tw-dnc")).status_code == 404


async def test_i10_an_entry_holds_for_identifiers_that_nobody_knows_yet(profiles: Profiles) -> None:
    body = {"identifier": pairs(("email", "Ada@example.org"))[0], "jurisdiction": "TW", "reason": "asked by post"}
    made = (await profiles.client.post("/v1/suppressions", json=body)).json()
    assert (made["channel"], made["jurisdiction"], made["hashed"]) == (None, "TW", False)
    ada = (await profiles.resolve(("email", "ada@example.org")))["profile_id"]
    await put(profiles, ada, "granted")
    assert await reasons(profiles, ada) == ["suppressed"]
    assert (await profiles.client.delete(f"/v1/suppressions/{made['suppression_id']}")).status_code == 204
    assert await reasons(profiles, ada) == ["granted"]
    await profiles.client.post("/v1/suppressions", json={**body, "expires_at": "2026-01-01T00:00:00Z"})
    assert await reasons(profiles, ada) == ["granted"], "the entry is over"


async def test_i9_a_list_is_used_as_far_as_its_basis_its_uses_and_its_expiry_go(profiles: Profiles) -> None:
    lists = {
        "permitted": ("legitimate_interest", ["marketing"], None),
        "list_without_lawful_basis": (None, ["marketing"], None),
        "list_use_not_permitted": ("consent", ["research"], None),
        "list_expired": ("consent", ["marketing"], datetime(2026, 1, 1, tzinfo=UTC)),
    }
    made = {name: (await profiles.resolve(("email", f"{name}@example.org")))["profile_id"] for name in lists}
    for name, terms in lists.items():
        await _enlist(profiles, f"{name}@example.org", *terms)
    assert await reasons(profiles, *made.values()) == [
        "granted",
        "list_without_lawful_basis",
        "list_use_not_permitted",
        "list_expired",
    ]
    (item,) = await checked(profiles, made["list_expired"], sources=True)
    assert [(each["kind"], each["status"], each["source"]) for each in item["sources"]] == [
        ("list", "list_expired", "a list")
    ]
    await _enlist(profiles, "list_expired@example.org", *lists["permitted"])
    assert await reasons(profiles, made["list_expired"]) == ["granted"], "one good list will do"
    await put(profiles, made["permitted"], "denied")
    await put(profiles, made["list_without_lawful_basis"], "granted")
    assert await reasons(profiles, made["permitted"], made["list_without_lawful_basis"]) == ["denied", "granted"]


async def _enlist(
    profiles: Profiles, email: str, basis: str | None, uses: list[str], expires_at: datetime | None
) -> None:
    """Put an address on a list of its own, as an import does."""
    await profiles.database.pool.execute(
        """
        WITH made AS (
            INSERT INTO list_import (job_id, source, lawful_basis, permitted_uses, expires_at, country, mapping,
                                     file_name, file_size, file_format, created_by)
            VALUES (uuidv7(), 'a list', $2, $3, $4, 'TW', '{}', 'list.csv', 1, '{}', 'tester') RETURNING import_id)
        INSERT INTO list_membership (identity_id, import_id) SELECT $1, import_id FROM made
        """,
        identity_id("email", email),
        basis,
        uses,
        expires_at,
    )


async def test_i10_a_thousand_customers_are_checked_in_one_call(profiles: Profiles) -> None:
    made = [await profiles.resolve(("email", f"c{number}@example.org"), ("user_id", f"c{number}")) for number in (1, 2)]
    await put(profiles, made[0]["profile_id"], "granted")
    ids = [made[number % 2]["profile_id"] for number in range(1_000)]
    assert await reasons(profiles, *ids) == ["granted", "no_consent"] * 500
    response = await profiles.client.post(
        "/v1/consents/check", json={"profile_ids": [*ids, str(uuid4())], "channel": "email", "purpose": "marketing"}
    )
    assert response.status_code == 422


@pytest.mark.parametrize(
    ("content", "spec", "pointer"),
    [
        ("phone\n", {"registry": "Not A Key", "jurisdiction": "TW"}, "/spec/registry"),
        ("phone\n", {"registry": "r", "jurisdiction": "Taiwan"}, "/spec/jurisdiction"),
        ("phone\n", {"registry": "r", "jurisdiction": "TW", "column": "number"}, "/spec/column"),
        ("", {"registry": "r", "jurisdiction": "TW"}, "/spec/column"),
    ],
)
async def test_a_bad_register_is_told_what_to_mend(
    profiles: Profiles, content: str, spec: dict[str, Any], pointer: str
) -> None:
    response = await _post(profiles, content, spec)
    assert response.status_code == 422
    assert [each["pointer"] for each in response.json()["errors"]] == [pointer]


async def _import(profiles: Profiles, content: str, **spec: Any) -> dict[str, Any]:
    response = await _post(profiles, content, spec)
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def _post(profiles: Profiles, content: str, spec: dict[str, Any]) -> httpx.Response:
    files = {"file": ("registry.csv", content.encode(), "text/csv")}
    text = httpx.Response(200, json=spec).text
    return await profiles.client.post("/v1/suppressions/imports", files=files, data={"spec": text})


async def test_i10_a_service_that_keeps_a_copy_is_told_the_strictest_word_and_restrictions(profiles: Profiles) -> None:
    ada = (await profiles.resolve(("email", "ada@example.org")))["profile_id"]
    bob = (await profiles.resolve(("user_id", "bob")))["profile_id"]
    await put(profiles, ada, "granted")
    await put(profiles, ada, "granted", channel="sms")
    await put(profiles, bob, "denied")
    await profiles.link(("email", "ada@example.org"), ("user_id", "bob"))
    fact = {"key": "mood", "value": "merry", "source": "shop", "expires_at": "2199-01-01T00:00:00Z"}
    assert (await profiles.client.post(f"/v1/profiles/{ada}/facts", json=fact)).status_code == 201
    body = {"profile_ids": [bob, str(uuid4())], "include": ["permissions"]}
    (item,) = (await profiles.client.post("/v1/profiles/lookup", json=body)).json()["items"]
    assert (item["profile_id"], item["current_profile_id"], item["kind"]) == (bob, ada, "person")
    assert [(each["channel"], each["status"]) for each in item["consents"]] == [("email", "denied"), ("sms", "granted")]
    assert (item["restricted"], item["until"]) == (False, "2199-01-01T00:00:00Z")
    assert item["traits"]["mood"] == "merry"
    await profiles.database.pool.execute(
        "INSERT INTO restriction (identity_id, request_id) VALUES ($1, uuidv7())", identity_id("user_id", "bob")
    )
    (item,) = (await profiles.client.post("/v1/profiles/lookup", json=body)).json()["items"]
    assert item["restricted"] is True


async def test_i10_copies_are_for_services_that_may_see_personal_data(profiles: Profiles, token: TokenFactory) -> None:
    body = {"profile_ids": [str(uuid4())], "include": ["permissions"]}
    headers = {"Authorization": f"Bearer {token('profiles:read')}"}
    response = await profiles.client.post("/v1/profiles/lookup", json=body, headers=headers)
    assert response.status_code == 403
    assert "profiles:pii" in response.text
