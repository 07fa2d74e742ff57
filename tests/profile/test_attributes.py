"""The firm's own attributes: defined by JSON Schema, checked wherever values come in, masked, found, versioned."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from profile_service.attributes.rules import SchemaFault, as_number, check_schema, faults, holds
from profile_service.consumers.metrics import REJECTED
from profile_service.facts import repository
from profile_service.facts.repository import NewFact
from rapport.identity import identity_id

from tests.conftest import TokenFactory
from tests.profile.conftest import Profiles, pairs
from tests.profile.touchpoints import hear, identify
from tests.support.polling import eventually

JSON = {"Content-Type": "application/json"}
NOW = datetime(2026, 6, 1, tzinfo=UTC)
SIZE = {"type": "number", "minimum": 10, "maximum": 60, "multipleOf": 0.5}
GOAL = {
    "type": "object",
    "required": ["kind", "by"],
    "properties": {"kind": {"enum": ["weight", "strength"]}, "by": {"type": "string", "format": "date"}},
    "additionalProperties": False,
}


async def define(profiles: Profiles, key: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    response = await profiles.client.put(f"/v1/attributes/{key}", json={"schema": schema, **more})
    assert response.status_code in {200, 201}, response.text
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"type": "strin"}, "/type"),
        ({"type": "object", "required": "name"}, "/required"),
        ({"properties": {"a": {"$ref": "https://example.org/schema.json"}}}, "/properties/a/$ref"),
        ({"$ref": "#/$defs/missing"}, ""),
        ({"$ref": "#"}, "/$ref"),
        ({"$id": "https://example.org/own"}, "/$id"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema"),
        ({"pattern": "^(?=a)b"}, "/pattern"),
        ({"pattern": "("}, "/pattern"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, ""),
        ({"description": "x" * 20_000}, ""),
        ({"const": float("nan")}, "/const"),
        ({"enum": ["nul\x00"]}, "/enum/0"),
        ({"type": "\ud800"}, "/type"),
    ],
)
def test_i8_a_schema_that_cannot_be_used_is_refused_where_it_is_wrong(schema: dict[str, Any], pointer: str) -> None:
    with pytest.raises(SchemaFault) as found:
        check_schema(schema)
    assert found.value.pointer == pointer


def test_i8_schemas_are_bounded() -> None:
    doubling: dict[str, Any] = {"d0": {"type": "string"}}
    for number in range(1, 30):
        before = {"$ref": f"#/$defs/d{number - 1}"}
        doubling[f"d{number}"] = {"allOf": [before, before]}
    with pytest.raises(SchemaFault, match="too large"):
        check_schema({"$ref": "#/$defs/d29", "$defs": doubling})
    chain = {f"c{number}": {"$ref": f"#/$defs/c{number + 1}"} for number in range(300)} | {"c300": {}}
    with pytest.raises(SchemaFault, match="too far"):
        check_schema({"$ref": "#/$defs/c0", "$defs": chain})
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"items": deep}
    with pytest.raises(SchemaFault, match="deep"):
        check_schema(deep)
    # Python's own engine would be at this until the end of days.
    assert faults('{"pattern": "^(a+)+$"}', "a" * 5_000 + "b")


def test_i8_values_are_found_by_text_number_and_part() -> None:
    measures = [{"foot": "Left", "mm": 265.50}, {"foot": "right", "mm": 266}]
    assert holds(measures, "foot", "LEFT")
    assert holds(measures, "mm", "265.5")
    assert not holds(measures, "mm", "265")
    assert not holds(measures, "", "left")
    assert holds(["tea", "Coffee"], "", "coffee")
    assert holds(True, "", "true")
    assert [as_number(each) for each in ("42.0", "-0.50", "100", "1e9", "x")] == ["42", "-0.5", "100", "1e9", "x"]


async def test_i8_attributes_are_defined_versioned_and_guarded_by_an_entity_tag(profiles: Profiles) -> None:
    path = "/v1/attributes/shoe_size"
    body = {"schema": SIZE, "label": "Shoe size", "repeating": False, "personal": False}
    made = await profiles.client.put(path, json=body)
    assert (made.status_code, made.headers["etag"], made.headers["location"]) == (201, '"1"', path)
    assert made.json()["existing"] == {"values": 0, "not_fitting": 0}
    again = await profiles.client.put(path, json=body)
    assert (again.status_code, again.headers["etag"]) == (200, '"1"')
    change = {**body, "label": "Size of the shoe"}
    stale = await profiles.client.put(path, json=change, headers={"If-Match": '"7"'})
    assert (stale.status_code, stale.json()["type"]) == (412, "urn:rapport:problem:stale")
    changed = await profiles.client.put(path, json=change, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    read = await profiles.client.get(path)
    assert read.headers["etag"] == '"2"'
    assert (read.json()["schema"], read.json()["label"], read.json()["changed_by"]) == (
        SIZE,
        "Size of the shoe",
        "tester",
    )
    history = (await profiles.client.get(f"{path}/versions")).json()["items"]
    assert [(each["version"], each["label"]) for each in history] == [(2, "Size of the shoe"), (1, "Shoe size")]
    listed = await profiles.client.get("/v1/attributes", params={"limit": 500})
    keys = [each["key"] for each in listed.json()["items"]]
    assert keys == sorted(keys)
    assert {"shoe_size", "credit_standing", "interests"} <= set(keys)
    assert (await profiles.client.delete(path)).status_code == 204
    assert (await profiles.client.get(path)).status_code == 404
    assert (await profiles.client.put(path, json=body)).headers["etag"] == '"3"'
    changes = [each["data"] for each in await profiles.events() if each["type"] == "attribute.changed"]
    assert {each["key"] for each in changes} == {"shoe_size"}
    assert [each["version"] for each in changes] == [1, 2, None, 3]


async def test_i8_what_cannot_be_defined_is_refused(profiles: Profiles) -> None:
    await define(profiles, "measures", {})
    cases: list[tuple[str, dict[str, Any], int]] = [
        ("shoe", {"schema": {"type": "wrong"}}, 422),
        ("shoe", {"schema": [1]}, 422),
        ("shoe", {}, 422),
        ("address", {"schema": {}}, 422),
        ("1shoe", {"schema": {}}, 422),
        ("a.b.c.d.e.f", {"schema": {}}, 422),
        ("shoe", {"schema": {}, "survivorship": {"by": ["newest", "newest"]}}, 422),
        ("shoe", {"schema": {}, "survivorship": {"by": ["loudest"]}}, 422),
        ("shoe.size", {"schema": {}}, 201),
        ("shoe", {"schema": {}}, 409),
        ("measures.left", {"schema": {}}, 409),
        ("measures", {"schema": {"type": "object"}}, 200),
    ]
    for key, body, status in cases:
        response = await profiles.client.put(f"/v1/attributes/{key}", json=body)
        assert response.status_code == status, (key, body, response.text)


async def test_i8_values_are_checked_wherever_they_come_in(profiles: Profiles) -> None:
    await define(profiles, "shoe_size", SIZE)
    await define(profiles, "goal", GOAL)
    bad: dict[str, Any] = {"shoe_size": 42.3, "goal": {"kind": "fame", "by": "2026-02-30"}}
    refused = await profiles.client.post("/v1/profiles", json={"traits": bad})
    assert refused.status_code == 422
    assert [each["pointer"] for each in refused.json()["errors"]] == ["/traits/shoe_size", "/traits/goal"]
    good = {"shoe_size": 42.5, "goal": {"kind": "weight", "by": "2026-12-01"}}
    ada = await profiles.create(identifiers=pairs(("user_id", "ada")), traits=good)
    assert ada["traits"] == good
    path = f"/v1/profiles/{ada['profile_id']}"
    assert (await profiles.client.patch(path, json={"traits": {"shoe_size": "big"}})).status_code == 422
    for key, value in [("shoe_size", 7), ("goal", {"kind": "weight"}), ("goal.kind", "weight")]:
        told = await profiles.client.post(f"{path}/facts", json={"key": key, "value": value})
        assert (told.status_code, told.json()["errors"][0]["pointer"]) == (422, "/value"), told.text
    # A merge patch changes parts of an object, and the whole has to fit.
    moved = await profiles.client.patch(path, json={"traits": {"goal": {"by": "2027-01-01"}}})
    assert moved.json()["traits"]["goal"] == {"kind": "weight", "by": "2027-01-01"}
    broken = await profiles.client.patch(path, json={"traits": {"goal": {"by": None}}})
    assert broken.status_code == 422
    gone = await profiles.client.patch(path, json={"traits": {"goal": None}})
    assert gone.json()["traits"] == {"shoe_size": 42.5}
    # Keys that no attribute can have are no business of the catalogue's, and still an answer.
    for name in ("nul\x00", "\ud800", "", "a" * 300):
        strange = await profiles.client.post("/v1/profiles", content=json.dumps({"traits": {name: 1}}), headers=JSON)
        assert strange.status_code in {400, 422}, strange.text


async def test_i8_what_comes_over_the_feed_and_does_not_fit_is_counted_and_not_stored_half(profiles: Profiles) -> None:
    await define(profiles, "shoe_size", SIZE)
    await define(profiles, "goal", GOAL)
    await define(profiles, "visits", {"type": "object"}, repeating=True)
    rejected = REJECTED.labels("trait")
    before = rejected._value.get()
    ada = ("user_id", "ada")
    await hear(
        profiles,
        [
            identify(ada, {"shoe_size": 3, "goal": {"kind": "weight", "by": "never"}, "firstName": "Ada"}, NOW),
            identify(ada, {"shoe_size": 42, "visits": {"n": 1}, "hobby": {"kind": "chess"}}, NOW),
        ],
    )
    profile = await profiles.read(await profiles.profile_of(*ada))
    assert profile["traits"] == {"shoe_size": 42, "given_name": "Ada", "hobby": {"kind": "chess"}}
    assert rejected._value.get() - before == 3


async def test_i8_a_schema_that_breaks_values_says_how_many_and_keeps_them(profiles: Profiles) -> None:
    for size in (20, 42, 42, 45):
        await profiles.create(traits={"shoe_size": size, "other": "x"})
    found = await define(profiles, "shoe_size", SIZE)
    assert found["existing"] == {"values": 4, "not_fitting": 0}
    ada = await profiles.create(traits={"shoe_size": 60})
    found = await define(profiles, "shoe_size", {**SIZE, "maximum": 43, "minimum": 40})
    assert found["existing"] == {"values": 5, "not_fitting": 3}
    assert (await profiles.read(ada["profile_id"]))["traits"] == {"shoe_size": 60}
    # What does not fit any more is in nobody's way until it is changed itself.
    path = f"/v1/profiles/{ada['profile_id']}"
    assert (await profiles.client.patch(path, json={"traits": {"other": "y"}})).status_code == 200
    in_use = await profiles.client.put("/v1/attributes/other", json={"schema": {}, "repeating": True})
    assert (in_use.status_code, in_use.json()["type"]) == (409, "urn:rapport:problem:attribute-in-use")


async def test_i8_a_personal_attribute_is_masked_without_the_scope(profiles: Profiles, token: TokenFactory) -> None:
    traits = {"injury": "left knee", "kids": {"names": ["Lan"], "count": 1}, "whole": {"x": 1}}
    ada = (await profiles.create(identifiers=pairs(("user_id", "ada")), traits=traits))["profile_id"]
    await define(profiles, "injury", {"type": "string"}, personal=True)
    # Kept in parts from the time before it was defined.
    await define(profiles, "kids", {"type": "object"}, personal=True)
    headers = {"Authorization": f"Bearer {token('profiles:read')}"}
    shown = await profiles.client.get(f"/v1/profiles/{ada}", headers=headers)
    masked = {"injury": "***", "kids": {"names": "***", "count": "***"}, "whole": {"x": 1}}
    assert shown.json()["traits"] == masked
    facts = await profiles.client.get(f"/v1/profiles/{ada}/facts", headers=headers)
    assert {each["key"]: each["value"] for each in facts.json()["items"]}["injury"] == "***"
    listed = await profiles.client.get("/v1/profiles", headers=headers)
    assert listed.json()["items"][0]["traits"] == masked
    body = {"identifiers": pairs(("user_id", "ada")), "include": ["profile"]}
    resolved = await profiles.client.post("/v1/profiles/resolve", json=body, headers=headers)
    assert resolved.json()["profile"]["traits"] == masked
    looked_up = await profiles.client.post("/v1/profiles/lookup", json={"profile_ids": [ada]}, headers=headers)
    assert looked_up.json()["items"][0]["traits"] == masked
    # What cannot be read cannot be guessed at either.
    await define(profiles, "injury", {"type": "string"}, personal=True, searchable=True)
    guess = {"attribute": "injury", "value": "left knee"}
    denied = await profiles.client.get("/v1/profiles", params=guess, headers=headers)
    assert (denied.status_code, denied.json()["scope"]) == (403, "profiles:pii")
    assert await find(profiles, **guess) == [ada]
    assert (await profiles.read(ada))["traits"] == traits


async def test_i8_a_personal_attribute_stays_masked_when_it_is_defined_no_longer(
    profiles: Profiles, token: TokenFactory
) -> None:
    traits = {"injury": "left knee", "kids": {"names": ["Lan"]}, "shoe": 42}
    ada = (await profiles.create(identifiers=pairs(("user_id", "ada")), traits=traits))["profile_id"]
    await define(profiles, "injury", {"type": "string"}, personal=True)
    await define(profiles, "kids", {"type": "object"}, personal=True)
    await define(profiles, "shoe", {}, personal=True)
    await define(profiles, "shoe", {}, personal=False)
    for key in ("injury", "kids", "shoe"):
        assert (await profiles.client.delete(f"/v1/attributes/{key}")).status_code == 204
    (*_, event) = (each["data"] for each in await profiles.events() if each["data"].get("key") == "kids")
    assert (event["version"], event["personal"]) == (None, True)
    headers = {"Authorization": f"Bearer {token('profiles:read', 'profiles:write')}"}
    path = f"/v1/profiles/{ada}"
    masked = {"injury": "***", "kids": {"names": "***"}, "shoe": 42}
    assert (await profiles.client.get(path, headers=headers)).json()["traits"] == masked
    told = await profiles.client.post(f"{path}/facts", json={"key": "injury", "value": "both"}, headers=headers)
    assert (told.status_code, told.json()["value"]) == (201, "***")
    # Only somebody who says that it is not makes it readable.
    await define(profiles, "injury", {"type": "string"}, personal=False)
    assert (await profiles.client.get(path, headers=headers)).json()["traits"]["injury"] == "both"


async def find(profiles: Profiles, attribute: str, value: str, **params: Any) -> list[str]:
    query = {"attribute": attribute, "value": value, **params}
    response = await profiles.client.get("/v1/profiles", params=query)
    assert response.status_code == 200, response.text
    return [each["profile_id"] for each in response.json()["items"]]


async def test_i8_customers_are_found_by_the_present_value_of_a_searchable_attribute(profiles: Profiles) -> None:
    early = (await profiles.create(traits={"shoe_size": 42, "interests": ["Tea", "chess"]}))["profile_id"]
    await define(profiles, "shoe_size", SIZE, searchable=True)
    late = (await profiles.create(traits={"shoe_size": 42.5, "interests": "tea"}))["profile_id"]
    moved = (await profiles.create(traits={"shoe_size": 42}))["profile_id"]
    await profiles.client.patch(f"/v1/profiles/{moved}", json={"traits": {"shoe_size": 43}})
    assert await find(profiles, "shoe_size", "42") == [early]
    assert await find(profiles, "shoe_size", "42.50") == [late]
    assert await find(profiles, "shoe_size", "43.0") == [moved]
    assert await find(profiles, "interests", "TEA") == [early, late]
    first = await profiles.client.get("/v1/profiles", params={"attribute": "interests", "value": "tea", "limit": 1})
    assert [each["profile_id"] for each in first.json()["items"]] == [early]
    assert await find(profiles, "interests", "tea", cursor=first.json()["next_cursor"]) == [late]
    plan = await profiles.database.pool.fetch(
        "SELECT count(*) FROM fact WHERE search IS NOT NULL AND key = 'shoe_size'"
    )
    assert plan[0][0] == 4
    await define(profiles, "shoe_size", SIZE)
    for params in ({"attribute": "shoe_size", "value": "42"}, {"attribute": "none", "value": "x"},
                   {"attribute": "interests"}, {"value": "x"}, {"attribute": "a", "value": "x", "q": "y"}):  # fmt: skip
        assert (await profiles.client.get("/v1/profiles", params=params)).status_code == 422, params


async def test_i8_nothing_escapes_the_index_while_an_attribute_becomes_searchable(profiles: Profiles) -> None:
    await define(profiles, "shoe_size", SIZE)
    ada = (await profiles.create(identifiers=pairs(("user_id", "ada"))))["profile_id"]
    told = NewFact(identity_id("user_id", "ada"), "shoe_size", 42, "stated", "till", NOW)

    async def waits() -> bool:
        return defining.done() or await profiles.database.pool.fetchval(
            "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE NOT granted AND datname = current_database())"
        )

    async with profiles.database.transaction() as connection:
        await repository.tell(connection, [told])
        defining = asyncio.create_task(define(profiles, "shoe_size", SIZE, searchable=True))
        await eventually(waits)
    assert (await defining)["existing"] == {"values": 1, "not_fitting": 0}
    assert await find(profiles, "shoe_size", "42") == [ada]


async def test_i8_concurrent_definitions_of_one_attribute_are_versions_of_it(profiles: Profiles) -> None:
    answers = await asyncio.gather(
        *(define(profiles, "shoe_size", SIZE, label=f"label {number}") for number in range(10))
    )
    assert sorted(each["version"] for each in answers) == list(range(1, 11))


async def test_i2_business_facts_of_an_organisation_are_known_and_checked(profiles: Profiles) -> None:
    traits = {
        "business_state": "growing",
        "cooperation_grade": 4,
        "particulars": ["pays by cheque", "closed on Mondays"],
        "company_size": "medium",
        "employees": 120,
        "annual_revenue": {"amount": "12000000.00", "currency": "TWD"},
        "credit_standing": "AA",
        "credit_limit": {"amount": "50000.00", "currency": "TWD"},
    }
    firm = await profiles.create(kind="organisation", traits={"display_name": "Lien Hoa Co.", **traits})
    assert firm["kind"] == "organisation"
    assert firm["traits"] == {"display_name": "Lien Hoa Co.", **traits}
    assert await find(profiles, "business_state", "growing") == [firm["profile_id"]]
    wrong = {"cooperation_grade": 9, "credit_limit": {"amount": 50000, "currency": "TWD"}, "business_state": "odd"}
    refused = await profiles.client.patch(f"/v1/profiles/{firm['profile_id']}", json={"traits": wrong})
    assert refused.status_code == 422
    assert len(refused.json()["errors"]) == 3
