"""Hot endpoints keep what all others promise."""

from uuid import uuid4

from tests.conftest import TokenFactory
from tests.shared.conftest import Toy


async def test_scopes_are_checked(toy: Toy, token: TokenFactory) -> None:
    path = f"/v1/hot-things/{uuid4()}"
    assert (await toy.client.get(path, headers={"Authorization": ""})).status_code == 401
    wrong = await toy.client.get(path, headers={"Authorization": f"Bearer {token('collect')}"})
    assert (wrong.status_code, wrong.json()["scope"]) == (403, "profiles:read")


async def test_what_is_unusual_is_a_problem_as_everywhere(toy: Toy) -> None:
    bad = await toy.client.get("/v1/hot-things/seven")
    assert (bad.status_code, bad.json()["type"]) == (422, "urn:rapport:problem:invalid")
    assert (await toy.client.delete(f"/v1/hot-things/{uuid4()}")).status_code == 405
    missing = await toy.client.get(f"/v1/hot-things/{uuid4()}")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")


async def test_an_idempotent_post_is_done_once_and_committed_before_the_answer(toy: Toy) -> None:
    first, again = [await toy.client.post("/v1/hot-things", headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert (first.status_code, again.status_code, first.text) == (201, 201, again.text)
    assert await toy.value("SELECT count(*) FROM thing") == 1
    assert (await toy.client.get(f"/v1/hot-things/{first.text}")).text == "hot"


async def test_hot_endpoints_stand_in_the_document_with_their_parameters(toy: Toy) -> None:
    document = (await toy.client.get("/openapi.json")).json()
    operation = document["paths"]["/v1/hot-things/{thing}"]["get"]
    assert [each["name"] for each in operation["parameters"]] == ["thing"]
    assert operation["security"]
