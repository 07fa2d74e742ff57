"""D2, D13, D14: grades, need groups and treatments that the firm defines, and who gets what and why."""

from typing import Any
from uuid import UUID

from tests.conftest import TokenFactory
from tests.segment.conftest import Segments
from tests.segment.test_segments import asked
from tests.support.polling import eventually

VIP = [
    {
        "grade": "gold",
        "enter": {"metric": "orders", "gte": 3},
        "keep": {"metric": "orders", "gte": 2},
        "privileges": ["lounge"],
    },
    {"grade": "silver", "enter": {"metric": "orders", "gte": 1}},
]


async def keep(segments: Segments, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """A scheme once everybody has been asked."""
    response = await segments.client.put(path, json=body)
    assert response.status_code in {200, 201}, response.text

    async def ready() -> dict[str, Any]:
        found = await segments.get(path)
        assert found["state"] == "ready", found
        return found

    return await eventually(ready, deadline=30)


async def grade(segments: Segments, profile: UUID) -> str | None:
    """The grade of a customer once every change has been seen, as the standing shows it."""
    await asked(segments)
    grades = (await segments.get(f"/v1/profiles/{profile}/standing"))["grades"]
    return grades["vip"]["grade"] if grades else None


async def moves(segments: Segments) -> list[tuple[str | None, str | None]]:
    """What the feed announced of grades, in order."""
    events = (await segments.client.get("/v1/feed", params={"limit": 1000, "timeout": 0})).json()
    return [(e["data"]["before"], e["data"]["grade"]) for e in events if e["type"] == "grade.changed"]


async def test_d2_grades_are_entered_and_kept_by_different_thresholds(segments: Segments) -> None:
    """Three orders make gold and two keep it, so that nobody moves to and fro around one threshold."""
    identity, profile = segments.feeds.person()
    other, two = segments.feeds.person()
    for number in range(3):
        segments.feeds.order(identity, f"a{number}", 10, ago=30)
    for number in range(2):
        segments.feeds.order(other, f"b{number}", 10, ago=30)
    await segments.settled()
    found = await keep(segments, "/v1/gradings/vip", {"name": "VIP", "grades": VIP})
    assert (await grade(segments, profile), await grade(segments, two)) == ("gold", "silver")
    assert {each["grade"]: each["customers"] for each in found["sizes"]} == {"gold": 1, "silver": 1}
    holders = await segments.get("/v1/gradings/vip/grades/gold/customers")
    assert [each["profile_id"] for each in holders["items"]] == [str(profile)]
    for number, expected in ((0, "gold"), (1, "silver")):
        segments.feeds.touch(identity, "track", name="Order Cancelled", data={"order_id": f"a{number}"})
        assert await grade(segments, profile) == expected
    announced = await moves(segments)
    assert sorted(map(str, announced[:2])) == ["(None, 'gold')", "(None, 'silver')"]
    assert announced[2:] == [("gold", "silver")]


async def test_d2_a_changed_scheme_grades_everybody_anew(segments: Segments) -> None:
    """Grades that are gone are held by nobody; of two names alike, and of rules that are none, it says so."""
    identity, profile = segments.feeds.person()
    segments.feeds.order(identity, "1", 10)
    await segments.settled()
    await keep(segments, "/v1/gradings/vip", {"name": "VIP", "grades": VIP})
    assert await grade(segments, profile) == "silver"
    renamed = [{"grade": "loyal", "enter": VIP[1]["enter"]}]
    await keep(segments, "/v1/gradings/vip", {"name": "VIP", "grades": renamed})

    async def loyal() -> bool:
        return await grade(segments, profile) == "loyal"

    await eventually(loyal)
    assert await moves(segments) == [(None, "silver"), ("silver", "loyal")]
    twice = await segments.client.put("/v1/gradings/x", json={"name": "x", "grades": [*renamed, *renamed]})
    assert twice.json()["errors"][0]["pointer"] == "/grades/1/grade"
    wrong = [{"grade": "a", "enter": {"metric": "shoes", "gte": 1}}]
    refused = await segments.client.put("/v1/gradings/x", json={"name": "x", "grades": wrong})
    assert refused.json()["errors"][0]["pointer"] == "/grades/0/enter/metric"
    assert (await segments.client.delete("/v1/gradings/vip", headers={"If-Match": '"1"'})).status_code == 412
    assert (await segments.client.delete("/v1/gradings/vip")).status_code == 204
    assert await grade(segments, profile) is None
    assert (await segments.client.get("/v1/gradings/vip")).status_code == 404


async def test_d13_needs_with_the_evidence_for_each_customer(segments: Segments, token: TokenFactory) -> None:
    """Evidence adds up as independent; who reaches the threshold is in the group, and the answer says why."""
    sure, runner = segments.feeds.person()
    unsure, walker = segments.feeds.person()
    segments.feeds.tell(runner, traits={"goal": "marathon"})
    products = [{"product_id": "r", "category": "running", "price": 9, "quantity": 1}]
    for identity in (sure, unsure):
        segments.feeds.order(identity, f"{identity}", 9, products=products)
    await segments.settled()
    group = {
        "name": "Runs far",
        "evidence": [
            {"when": {"trait": "goal", "eq": "marathon"}, "weight": 0.5, "words": "said so"},
            {"when": {"event": "Order Completed", "where": {"products.category": {"eq": "running"}}}, "weight": 0.4},
        ],
        "threshold": 0.6,
    }
    await keep(segments, "/v1/need-groups/running", group)
    await asked(segments)
    needs = (await segments.get(f"/v1/profiles/{runner}/needs"))["needs"]
    assert [(each["group"], each["confidence"], each["member"]) for each in needs] == [("running", 0.7, True)]
    assert [piece["holds"] for piece in needs[0]["evidence"]] == [True, True]
    assert needs[0]["evidence"][0]["explanation"]["value"] == "***"
    pii = {"Authorization": f"Bearer {token('segments:read', 'profiles:pii')}"}
    seen = (await segments.client.get(f"/v1/profiles/{runner}/needs", headers=pii)).json()["needs"]
    assert seen[0]["evidence"][0]["explanation"]["value"] == "marathon"
    less = (await segments.get(f"/v1/profiles/{walker}/needs"))["needs"][0]
    assert (less["confidence"], less["member"], less["since"]) == (0.4, False, None)
    standing = await segments.get(f"/v1/profiles/{runner}/standing")
    assert [(each["group"], each["confidence"]) for each in standing["needs"]] == [("running", 0.7)]
    members = await segments.get("/v1/need-groups/running/members")
    assert [each["profile_id"] for each in members["items"]] == [str(runner)]
    assert await segments.audience({"need": ["running"]}) == {str(runner)}

    segments.feeds.tell(walker, keys=["goal"], traits={"goal": "marathon"})

    async def both() -> bool:
        await asked(segments)
        customers: int = (await segments.get("/v1/need-groups/running"))["customers"]
        return customers == 2

    await eventually(both)
    await keep(segments, "/v1/need-groups/running", {**group, "threshold": 0.9})

    async def nobody() -> bool:
        customers: int = (await segments.get("/v1/need-groups/running"))["customers"]
        return customers == 0

    await eventually(nobody)
    matrix = await segments.get("/v1/need-matrix")
    assert matrix["groups"] == ["running"]
    assert {cell["group"] for cell in matrix["cells"]} == {None}
    drawing = await segments.client.get("/v1/need-matrix.svg")
    assert "Value by need" in drawing.text


async def test_d14_each_class_and_grade_gets_its_treatment(segments: Segments) -> None:
    """The treatment of the highest priority, with the reason; its cost against what its customers bring."""
    identity, profile = segments.feeds.person()
    _, stranger = segments.feeds.person()
    segments.feeds.order(identity, "1", 100, cost=60)
    await segments.recompute()
    await keep(segments, "/v1/gradings/vip", {"name": "VIP", "grades": VIP})
    await asked(segments)
    everybody = {"name": "Everybody", "service_level": "self-service", "cost_per_year": 1}
    best = {
        "name": "Silver buyers",
        "applies_to": {"value_class": ["top", "large"], "grades": {"vip": ["silver", "gold"]}},
        "account_manager": True,
        "visit_every_days": 60,
        "contact_budget": {"contacts": 4, "days": 30},
        "cost_per_year": 50,
    }
    for key, body in (("everybody", everybody), ("silver", best)):
        assert (await segments.client.put(f"/v1/treatments/{key}", json=body)).status_code == 201
    found = await segments.get(f"/v1/profiles/{profile}/treatment")
    assert found["treatment"]["key"] == "silver"
    assert found["treatment"]["reason"] == "for class top and vip silver; before everybody"
    assert (await segments.get(f"/v1/profiles/{stranger}/treatment"))["treatment"]["key"] == "everybody"

    async def shown() -> bool:
        treatment = (await segments.get(f"/v1/profiles/{profile}/standing"))["treatment"]
        return bool(treatment and treatment["key"] == "silver" and treatment["visit_every_days"] == 60)

    await eventually(shown)
    lines = {each["treatment"]: each for each in (await segments.get("/v1/treatment-budget"))["lines"]}
    assert (lines["silver"]["customers"], lines["silver"]["cost"]["amount"]) == (1, "50.00")
    assert (lines["silver"]["profit"]["amount"], lines["silver"]["verdict"]) == ("40.00", "over")
    assert (lines["everybody"]["customers"], lines["everybody"]["verdict"]) == (1, "unknown")
    assert lines[None]["customers"] == 0
    assert (await segments.client.put("/v1/treatments/x", json={"name": "x", "discount": 5})).status_code == 422
    assert (await segments.client.delete("/v1/treatments/silver")).status_code == 204
    assert (await segments.get(f"/v1/profiles/{profile}/treatment"))["treatment"]["key"] == "everybody"


async def test_what_no_database_holds_is_refused_with_its_place(segments: Segments) -> None:
    """NUL in a name, in words and in a rule is told to the caller, whatever is defined."""
    rule, nul = {"metric": "orders", "gte": 1}, "a\x00"
    wrong = {"trait": "a", "eq": nul}
    for path, body, pointer in (
        ("segments/x", {"name": nul, "rule": rule}, "/name"),
        ("segments/x", {"name": "x", "description": nul, "rule": rule}, "/description"),
        ("gradings/x", {"name": nul, "grades": [{"grade": "g", "enter": rule}]}, "/name"),
        ("gradings/x", {"name": "x", "grades": [{"grade": "g", "enter": wrong}]}, "/grades/0/enter/eq"),
        ("gradings/x", {"name": "x", "grades": [{"grade": "g", "enter": rule, "privileges": [nul]}]}, "/grades/0/priv"),
        ("need-groups/x", {"name": nul, "evidence": [{"when": rule}]}, "/name"),
        ("need-groups/x", {"name": "x", "evidence": [{"when": wrong}]}, "/evidence/0/when/eq"),
        ("need-groups/x", {"name": "x", "evidence": [{"when": rule, "words": nul}]}, "/evidence/0/words"),
        ("treatments/x", {"name": nul}, "/name"),
        ("treatments/x", {"name": "x", "service_level": nul}, "/service_level"),
    ):
        refused = await segments.client.put(f"/v1/{path}", json=body)
        assert refused.status_code == 422, (path, body, refused.text)
        assert refused.json()["errors"][0]["pointer"].startswith(pointer)
    refused = await segments.client.post("/v1/lookalikes", json={"name": nul, "seeds": rule})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/name")
