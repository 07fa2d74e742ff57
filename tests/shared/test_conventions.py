"""What every service answers alike: problems, tokens, pages, entity tags, idempotent posts, health."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from rapport.database import connect_arguments
from rapport.tokens import KeyStore

from tests.conftest import TokenFactory
from tests.shared.conftest import Toy
from tests.support.polling import eventually


async def test_a_problem_answer_names_what_to_mend(toy: Toy) -> None:
    answer = await toy.client.post("/v1/things", json={"name": "", "size": 1})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:rapport:problem:invalid"
    assert problem["instance"] == "/v1/things"
    assert {each["pointer"] for each in problem["errors"]} == {"/name", "/size"}


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/v1/things", b"{", 400),
        ("GET", "/v1/nothing", None, 404),
        ("DELETE", "/v1/things", None, 405),
        ("GET", "/v1/count?least=many", None, 422),
        ("GET", "/v1/things?cursor=%21%21", None, 422),
        ("GET", "/v1/feed?lastEventId=x", None, 400),
    ],
)
async def test_bad_input_is_a_4xx_problem(toy: Toy, method: str, path: str, content: bytes | None, status: int) -> None:
    answer = await toy.client.request(method, path, content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["status"]) == (status, status)


async def test_an_error_of_ours_gives_no_stack_and_changes_nothing(toy: Toy) -> None:
    answer = await toy.client.post("/v1/bare-things", json={"name": "broken"})
    assert answer.status_code == 500
    assert "RuntimeError" not in answer.text
    assert await toy.value("SELECT count(*) FROM thing") == 0
    assert await toy.value("SELECT count(*) FROM outbox") == 0


async def test_without_a_token_401_and_without_the_scope_403_that_names_it(toy: Toy, token: TokenFactory) -> None:
    without = await toy.client.get("/v1/things", headers={"Authorization": ""})
    assert (without.status_code, without.headers["www-authenticate"]) == (401, "Bearer")
    wrong = await toy.client.get("/v1/things", headers={"Authorization": f"Bearer {token('collect')}"})
    assert (wrong.status_code, wrong.json()["scope"]) == (403, "profiles:read")
    admin = await toy.client.get("/v1/things", headers={"Authorization": f"Bearer {token('admin')}"})
    assert admin.status_code == 200


async def test_expired_forged_and_foreign_tokens_are_refused(
    toy: Toy, token: TokenFactory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    foreign = KeyStore(tmp_path_factory.mktemp("foreign"))
    foreign.ensure()
    good = token("admin")
    for bad in (
        token("admin", lifetime=timedelta(seconds=-5)),
        foreign.mint(["admin"], "stranger", timedelta(hours=1)),
        good[:-6] + ("AAAAAA" if good[-6:] != "AAAAAA" else "BBBBBB"),
        "not-a-token",
    ):
        answer = await toy.client.get("/v1/things", headers={"Authorization": f"Bearer {bad}"})
        assert answer.status_code == 401


async def test_keys_rotate_without_a_restart(toy: Toy, keys: KeyStore, token: TokenFactory) -> None:
    old = token("admin")
    await toy.client.get("/v1/things", headers={"Authorization": f"Bearer {old}"})
    keys.rotate()

    for bearer in (token("admin", subject="after the rotation"), old):
        for _ in range(20):
            answer = await toy.client.get("/v1/things", headers={"Authorization": f"Bearer {bearer}"})
            if answer.status_code == 200:
                break
            await asyncio.sleep(0.1)
        assert answer.status_code == 200


async def test_pages_cover_the_list_once(toy: Toy) -> None:
    for number in range(7):
        await toy.client.post("/v1/things", json={"name": f"thing {number}"})
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = (await toy.client.get("/v1/things", params={"limit": 3} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 7


async def test_if_match_refuses_a_stale_write(toy: Toy) -> None:
    place = (await toy.client.post("/v1/things", json={"name": "first"})).headers["location"]
    renamed = await toy.client.put(place, json={"name": "second"}, headers={"If-Match": '"1"'})
    assert (renamed.status_code, renamed.headers["etag"]) == (204, '"2"')
    stale = await toy.client.put(place, json={"name": "third"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412


@pytest.mark.parametrize("path", ["/v1/things", "/v1/bare-things"])
async def test_the_same_key_and_body_replays_the_stored_answer(toy: Toy, path: str) -> None:
    first = await toy.client.post(path, json={"name": "one"}, headers={"Idempotency-Key": "k1"})
    again = await toy.client.post(path, json={"name": "one"}, headers={"Idempotency-Key": "k1"})
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers.get("location") == first.headers.get("location")
    assert await toy.value("SELECT count(*) FROM thing") == 1
    other = await toy.client.post(path, json={"name": "two"}, headers={"Idempotency-Key": "k1"})
    assert other.status_code == 422


async def test_a_key_belongs_to_the_token_that_used_it(toy: Toy, token: TokenFactory) -> None:
    await toy.client.post("/v1/things", json={"name": "one"}, headers={"Idempotency-Key": "k"})
    stranger = f"Bearer {token('profiles:write', subject='somebody else')}"
    answer = await toy.client.post(
        "/v1/things", json={"name": "two"}, headers={"Idempotency-Key": "k", "Authorization": stranger}
    )
    assert answer.status_code == 201


async def test_a_key_that_is_still_running_is_a_conflict_and_the_work_is_done_once(toy: Toy) -> None:
    answers = await asyncio.gather(
        *(
            toy.client.post("/v1/bare-things", json={"name": "slow"}, headers={"Idempotency-Key": "same"})
            for _ in range(5)
        )
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert await toy.value("SELECT count(*) FROM thing") == 1


async def test_work_that_failed_may_be_tried_again_under_its_key(toy: Toy) -> None:
    broken = {"json": {"name": "broken"}, "headers": {"Idempotency-Key": "b"}}
    for _ in range(2):
        assert (await toy.client.post("/v1/bare-things", **broken)).status_code == 500  # type: ignore[arg-type]
    assert await toy.value("SELECT count(*) FROM idempotency") == 0


async def test_health_tells_what_is_missing(toy: Toy) -> None:
    assert (await toy.client.get("/health/live")).json() == {"status": "ok", "not_ready": []}
    assert (await toy.client.get("/health/ready")).status_code == 200
    connection = await asyncpg.connect(**connect_arguments(toy.database_url))
    await connection.execute("DROP TABLE alembic_version")
    await connection.close()
    answer = await toy.client.get("/health/ready")
    assert (answer.status_code, answer.json()["not_ready"]) == (503, ["migrations"])


async def test_a_lost_database_connection_is_503_and_the_next_request_works(toy: Toy) -> None:
    sleeping = asyncio.create_task(toy.client.get("/v1/sleep", timeout=30))
    terminate = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    active = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)' AND state = 'active'"
    await eventually(lambda: toy.value(active))
    await toy.value(terminate)
    answer = await sleeping
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert (await toy.client.get("/v1/count")).status_code == 200
    assert (await toy.client.post("/v1/bare-things", json={"name": "after"})).status_code == 201


async def test_docs_and_openapi_are_served_without_a_token_and_without_a_cdn(toy: Toy) -> None:
    page = await toy.client.get("/docs")
    assert page.status_code == 200
    assert "https://" not in page.text
    document = (await toy.client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert "422" in document["paths"]["/v1/things"]["post"]["responses"]
    assert (await toy.client.get("/metrics")).status_code == 200
