"""I11: who read or changed which profile, when, with which token."""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from rapport.tokens import KeyStore

from tests.conftest import TokenFactory
from tests.profile.conftest import SCOPES, Profiles, pairs
from tests.profile.test_consents import put
from tests.support.polling import eventually
from tests.support.processes import spawn_service


async def trail(profiles: Profiles, token: TokenFactory, profile_id: str) -> list[dict[str, Any]]:
    """Entries about a profile, newest first."""
    headers = {"Authorization": f"Bearer {token('privacy', subject='auditor')}"}
    response = await profiles.client.get(f"/v1/profiles/{profile_id}/audit", headers=headers)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def test_i11_reads_and_changes_are_written_down_with_the_token(profiles: Profiles, token: TokenFactory) -> None:
    clerk = {"Authorization": f"Bearer {token(*SCOPES, subject='clerk')}"}
    made = await profiles.client.post(
        "/v1/profiles", json={"identifiers": pairs(("email", "ada@example.org"))}, headers=clerk
    )
    ada = made.json()["profile_id"]
    await profiles.client.patch(f"/v1/profiles/{ada}", json={"traits": {"given_name": "Ada"}}, headers=clerk)
    body = {"identifiers": pairs(("email", "ada@example.org"))}
    for _ in range(3):
        assert (await profiles.client.post("/v1/profiles/resolve", json=body, headers=clerk)).status_code == 200
    await profiles.client.get(f"/v1/profiles/{ada}")
    await profiles.client.post("/v1/profiles/lookup", json={"profile_ids": [ada]})
    await profiles.client.get("/v1/profiles", params={"q": "ada@example.org"})

    # There when the answer is.
    found = await trail(profiles, token, ada)
    assert {(each["kind"], each["action"], each["subject"]) for each in found if each["subject"] != "auditor"} == {
        ("change", "POST /v1/profiles", "clerk"),
        ("change", "PATCH /v1/profiles/{profile_id}", "clerk"),
        ("read", "POST /v1/profiles/resolve", "clerk"),
        ("read", "GET /v1/profiles/{profile_id}", "tester"),
        ("read", "POST /v1/profiles/lookup", "tester"),
        ("read", "GET /v1/profiles", "tester"),
    }
    resolved = [each for each in found if each["action"] == "POST /v1/profiles/resolve"]
    assert sum(each["times"] for each in resolved) == 3
    assert all(each["token_id"] and each["key_id"] for each in found)
    assert set(resolved[0]["scopes"]) == set(SCOPES)
    assert datetime.now(UTC) - datetime.fromisoformat(resolved[0]["at"]) < timedelta(minutes=5)


async def test_i11_who_has_an_answer_is_in_the_trail_though_the_process_is_killed(
    profiles: Profiles, keys: KeyStore, tmp_path: Path
) -> None:
    people = [(await profiles.resolve(("user_id", f"user-{number}")))["profile_id"] for number in range(40)]
    environment = {
        "PROFILE_DATABASE_URL": profiles.database.url,
        "RAPPORT_JWKS_FILE": str(keys.jwks_path),
        "RAPPORT_DATA_DIR": str(tmp_path),
        "RAPPORT_ROLE": "api",
    }
    answered: list[str] = []
    async with spawn_service("profile", environment) as service:
        headers = dict(profiles.client.headers)
        async with httpx.AsyncClient(base_url=service.url, headers=headers, trust_env=False) as client:

            async def keep_reading(profile_id: str) -> None:
                with suppress(httpx.TransportError):
                    while True:
                        response = await client.get(f"/v1/profiles/{profile_id}")
                        assert response.status_code == 200, response.text
                        answered.append(profile_id)

            reading = [asyncio.create_task(keep_reading(each)) for each in people]
            await eventually(lambda: _have(answered, 100))
            await service.kill()
            await asyncio.gather(*reading)
    rows = await profiles.database.pool.fetch(
        "SELECT profile_id, sum(times) AS times FROM audit WHERE action LIKE 'GET %' GROUP BY profile_id"
    )
    written = {str(row["profile_id"]): row["times"] for row in rows}
    for each, times in Counter(answered).items():
        assert times <= written[each] <= times + 1, "the last may have been written and not answered"


async def _have(answered: list[str], many: int) -> bool:
    return len(answered) >= many


async def test_i11_what_cannot_be_written_down_is_not_read(profiles: Profiles, token: TokenFactory) -> None:
    ada = (await profiles.resolve(("email", "ada@example.org")))["profile_id"]
    await profiles.read(ada)
    # The trail's own connection is lost: it has another at once.
    ends = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%INSERT INTO audit%unnest($1::tim%'"
    )
    pool = profiles.database.pool
    assert await pool.fetch(ends + " AND datname = current_database() AND pid <> pg_backend_pid()")
    await profiles.read(ada)
    await pool.execute("ALTER TABLE audit ADD CONSTRAINT full_disk CHECK (kind <> 'read') NOT VALID")
    refused = await profiles.client.get(f"/v1/profiles/{ada}")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert "ada" not in refused.text
    await pool.execute("ALTER TABLE audit DROP CONSTRAINT full_disk")
    await profiles.read(ada)
    reads = [each for each in await trail(profiles, token, ada) if each["action"] == "GET /v1/profiles/{profile_id}"]
    assert len(reads) == 3


async def test_i11_a_change_that_fails_leaves_no_entry_and_a_merge_one_on_both_sides(
    profiles: Profiles, token: TokenFactory
) -> None:
    ada = (await profiles.resolve(("email", "ada@example.org")))["profile_id"]
    bob = (await profiles.resolve(("user_id", "bob")))["profile_id"]
    refused = await profiles.client.patch(f"/v1/profiles/{ada}", json={"traits": {"email": "no address"}})
    assert refused.status_code == 422
    await put(profiles, bob, "granted")
    await profiles.link(("email", "ada@example.org"), ("user_id", "bob"))
    actions = [each["action"] for each in await trail(profiles, token, bob) if each["kind"] == "change"]
    assert actions.count("POST /v1/links") == 2, "once under each of the two ids, which are one profile now"
    assert "PUT /v1/profiles/{profile_id}/consents/{channel}/{purpose}" in actions
    assert "PATCH /v1/profiles/{profile_id}" not in actions


async def test_i11_nobody_rewrites_the_trail(profiles: Profiles, token: TokenFactory) -> None:
    ada = (await profiles.resolve(("email", "ada@example.org")))["profile_id"]
    pool = profiles.database.pool
    for statement in ("UPDATE audit SET subject = 'nobody'", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await pool.execute(statement)
    assert await trail(profiles, token, ada)
    assert await pool.fetchval("SELECT audit_purge(now() - interval '1 day')") == 0
    assert await pool.fetchval("SELECT audit_purge(now() + interval '1 day')") > 0
    rest = "INSERT INTO audit (profile_id, kind, action, subject, scopes) VALUES (uuidv7(), 'read', '', '', '{}')"
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(rest)
        await connection.fetchval("SELECT audit_purge(now() - interval '1 day')")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            # What let the purge through ends with the purge.
            await connection.execute("DELETE FROM audit")


async def test_i11_the_trail_is_for_those_who_answer_for_it(profiles: Profiles, token: TokenFactory) -> None:
    ada = (await profiles.resolve(("email", "ada@example.org")))["profile_id"]
    assert (await profiles.client.get(f"/v1/profiles/{ada}/audit")).status_code == 403
    headers = {"Authorization": f"Bearer {token('admin')}"}
    nobody = await profiles.client.get("/v1/profiles/01a21023-323e-7762-8584-7a0eb69a5b26/audit", headers=headers)
    assert nobody.status_code == 404


async def test_i11_the_customer_too_is_written_down_on_their_own_page(profiles: Profiles, token: TokenFactory) -> None:
    ada = (await profiles.resolve(("email", "ada@example.org")))["profile_id"]
    made = (await profiles.client.post(f"/v1/profiles/{ada}/preference-links")).json()
    async with httpx.AsyncClient(base_url=profiles.client.base_url) as customer:
        assert (await customer.post(f"/p/{made['token']}", data={"allow": "email/marketing"})).status_code == 200
    entries = await trail(profiles, token, ada)
    assert ("change", "POST /p/{token}", "customer") in {
        (each["kind"], each["action"], each["subject"]) for each in entries
    }


async def test_i11_a_copy_of_many_files_is_one_entry_with_their_number(profiles: Profiles, token: TokenFactory) -> None:
    made = [(await profiles.resolve(("user_id", f"copied-{number}")))["profile_id"] for number in range(3)]
    service = {"Authorization": f"Bearer {token('profiles:read', 'profiles:pii', subject='segment')}"}
    body = {"profile_ids": made, "include": ["permissions"]}
    assert (await profiles.client.post("/v1/profiles/lookup", json=body, headers=service)).status_code == 200

    async def noted() -> bool:
        rows = await profiles.database.pool.fetch(
            "SELECT profile_id, action, subject, times FROM audit WHERE subject = 'segment'"
        )
        return [tuple(row) for row in rows] == [(UUID(int=0), "POST /v1/profiles/lookup", "segment", 3)]

    await eventually(noted)
