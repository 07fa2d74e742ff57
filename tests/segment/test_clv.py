"""Lifetime value as it is asked for: fitted as a job, held against later orders, in every customer's standing."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from rapport.identity import identity_id
from segment_service.clv import bg_nbd, gamma_gamma
from segment_service.clv.bg_nbd import BgNbd
from segment_service.clv.gamma_gamma import GammaGamma

from tests.segment import cdnow
from tests.segment.conftest import Segments
from tests.segment.feeds import DAY
from tests.support.polling import eventually


async def fit(segments: Segments, **body: Any) -> dict[str, Any]:
    """The job once it has ended."""
    await segments.settled(60)
    response = await segments.client.post("/v1/models/clv/fits", json=body)
    assert response.status_code == 202, response.text
    assert response.headers["location"] == f"/v1/jobs/{response.json()['job_id']}"

    async def ended() -> dict[str, Any] | None:
        job = await segments.get(response.headers["location"])
        return job if job["state"] in {"succeeded", "failed"} else None

    return await eventually(ended, deadline=60) or {}


def play_cdnow(segments: Segments) -> dict[str, UUID]:
    """All orders of the sample on the feed; profiles by customer."""
    lines = list(cdnow.orders())
    people = {}
    assignments: dict[UUID, UUID] = {}
    for customer in dict.fromkeys(line.customer for line in lines):
        identity = identity_id("user_id", customer)
        people[customer] = assignments[identity] = identity_id("profile", customer)
    segments.feeds.assign(assignments)
    for number, line in enumerate(lines):
        segments.feeds.touch(
            identity_id("user_id", line.customer),
            "track",
            line.at,
            name="Order Completed",
            data={"order_id": str(number), "revenue": str(line.revenue)},
        )
    return people


async def test_d4_cdnow_from_orders_to_standing(segments: Segments) -> None:
    people = play_cdnow(segments)
    job = await fit(segments, calibration_end=cdnow.CALIBRATION_END.isoformat(), horizon_days=365, time_unit="weeks")
    assert job["state"] == "succeeded", job
    model = await segments.get("/v1/models/clv")
    assert model["customers"] == 2357
    assert model["log_likelihood"] == pytest.approx(-9582.4, abs=0.5)
    assert list(model["bg_nbd"].values()) == pytest.approx([0.243, 4.414, 0.793, 2.426], rel=0.005)
    assert list(model["gamma_gamma"].values()) == pytest.approx([6.25, 3.74, 15.44], rel=0.01)
    assert model["job_id"] == job["job_id"]
    assert [each["fit_id"] for each in (await segments.get("/v1/models/clv/fits"))["items"]] == [model["fit_id"]]
    holdout = model["holdout"]
    # 39 weeks until the end of June 1998, counted here order by order.
    days = {(line.customer, line.at.date()) for line in cdnow.orders() if line.at > cdnow.CALIBRATION_END}
    assert (holdout["days"], holdout["actual_orders"]) == (273, len(days))
    # The model is known to expect a little less of these customers than came.
    assert holdout["expected_orders"] == pytest.approx(holdout["actual_orders"], rel=0.15)
    assert 0.3 < holdout["mean_absolute_error"] < 1.0
    assert [group["frequency"] for group in holdout["groups"]] == list(range(8))
    assert sum(group["customers"] for group in holdout["groups"]) == 2357
    drawing = await segments.client.get("/v1/models/clv/holdout.svg")
    assert drawing.headers["content-type"] == "image/svg+xml"
    assert all(f">{text}</text>" in drawing.text for text in ("Expected", "Actual", "Expected and actual orders"))
    await scores_are_plain(segments, model, people)


async def scores_are_plain(segments: Segments, model: dict[str, Any], people: dict[str, UUID]) -> None:
    """Every score against the formulas, from the orders of the sample alone."""
    known: dict[str, dict[Any, float]] = {}
    for line in cdnow.orders():
        spent = known.setdefault(line.customer, {})
        spent[line.at.date()] = spent.get(line.at.date(), 0) + float(line.revenue)
    today = datetime.now(UTC).date()
    bought, spend = BgNbd(**model["bg_nbd"]), GammaGamma(**model["gamma_gamma"])
    rows = {row["profile_id"]: row for row in await segments.db.fetch("SELECT * FROM clv_score")}
    assert len(rows) == 2357
    for customer, spent in list(known.items())[::10]:
        first, last = min(spent), max(spent)
        x, t_x, t = len(spent) - 1, (last - first).days / 7, (today - first).days / 7
        sums = [amount for day, amount in spent.items() if day != first and amount > 0]
        mean = sum(sums) / len(sums) if sums else 0
        row = rows[people[customer]]
        assert float(row["p_alive"]) == pytest.approx(bg_nbd.p_alive(bought, [x], [t_x], [t])[0], abs=1e-6)
        expected = bg_nbd.expected_purchases(bought, 365 / 7, [x], [t_x], [t])[0]
        assert float(row["expected_orders"]) == pytest.approx(expected, abs=1e-4)
        worth = gamma_gamma.expected_spend(spend, [len(sums)], [mean])[0]
        assert float(row["value"]) == pytest.approx(expected * worth, abs=0.01)
        assert row["value"] == row["clv_12m"]
        assert not row["by_margin"]


def play_shop(segments: Segments, customers: int = 60) -> list[tuple[UUID, UUID]]:
    """Customers who bought now and then over two years, with costs."""
    people = [segments.feeds.person() for _ in range(customers)]
    for number, (identity, _) in enumerate(people):
        for order in range(1 + number % 5):
            ago = 700 - 13 * (number % 17) - order * (20 + 9 * (number % 11))
            segments.feeds.order(identity, f"{number}-{order}", 20 + 7 * (number % 13) + order, ago, cost=5)
    return people


async def clv(segments: Segments, profile: UUID) -> dict[str, Any] | None:
    found: dict[str, Any] | None = (await segments.get(f"/v1/profiles/{profile}/standing"))["clv"]
    return found


async def test_d4_scores_follow_orders_merges_and_undone_merges(segments: Segments) -> None:
    people = play_shop(segments)
    await segments.settled()
    assert await clv(segments, people[4][1]) is None
    assert (await segments.client.get("/v1/models/clv")).json()["type"] == "urn:rapport:problem:no-model"
    job = await fit(segments, horizon_days=90, time_unit="days")
    assert job["state"] == "succeeded", job
    model = await segments.get("/v1/models/clv")
    assert model["holdout"] is None
    assert (await segments.client.get("/v1/models/clv/holdout.svg")).json()["type"] == "urn:rapport:problem:no-holdout"
    assert model["scores"]["as_of"] == datetime.now(UTC).date().isoformat()
    sure = {"all": [{"metric": "p_alive", "eq": 1}, {"metric": "clv_12m", "gt": 0}]}
    once = "SELECT profile_id FROM customer WHERE order_days = 1"
    assert await segments.audience(sure) == {str(row[0]) for row in await segments.db.fetch(once)}
    (identity, profile), (other, absorbed) = people[4], people[9]
    before = await clv(segments, profile)
    assert before is not None
    assert (before["horizon_days"], before["basis"], before["value"]["currency"]) == (90, "margin", "USD")

    async def moved(profile: UUID, than: dict[str, Any] | None) -> dict[str, Any] | None:
        found = await clv(segments, profile)
        return found if found is not None and found != than else None

    segments.feeds.order(identity, "new", 30, 0.01, cost=5)
    bought = await eventually(lambda: moved(profile, before))
    assert bought["p_alive"] > before["p_alive"]
    segments.feeds.assign({other: profile})
    merged = await eventually(lambda: moved(profile, bought))
    assert await segments.db.fetchval("SELECT count(*) FROM clv_score WHERE profile_id = $1", absorbed) == 0
    segments.feeds.assign({other: absorbed})
    assert await eventually(lambda: moved(profile, merged)) == bought
    assert await eventually(lambda: moved(absorbed, None)) is not None
    # An order whose cost nobody knows: its money is revenue from now on.
    segments.feeds.order(identity, "costless", 30, 0.005)
    assert (await eventually(lambda: moved(profile, bought)))["basis"] == "revenue"


async def test_d4_changed_customers_are_scored_as_everybody_is(segments: Segments) -> None:
    people = play_shop(segments)
    assert (await fit(segments))["state"] == "succeeded"
    rows = "SELECT * FROM clv_score ORDER BY profile_id"
    everybody = await segments.db.fetch(rows)
    assert len(everybody) == len(people)
    for identity, _ in people:
        segments.feeds.touch(identity, at=datetime.now(UTC) - 800 * DAY)
    await segments.settled()
    newest = await segments.db.fetchval("SELECT last_value FROM change_version")
    await segments.db.execute("UPDATE clv_score SET p_alive = 0.5, clv_12m = NULL")
    await segments.db.execute("UPDATE customer SET version = nextval('change_version')")

    async def seen() -> bool:
        return bool(await segments.db.fetchval("SELECT version > $1 FROM clv_scoring", newest))

    await eventually(seen)
    assert await segments.db.fetch(rows) == everybody


async def test_d4_everybody_is_scored_again_when_the_day_has_changed(segments: Segments) -> None:
    people = play_shop(segments)
    assert (await fit(segments))["state"] == "succeeded"
    right = await clv(segments, people[4][1])
    async with segments.db.transaction():
        # As the night before left it.
        await segments.db.execute("UPDATE clv_score SET p_alive = 0.123456")
        await segments.db.execute("UPDATE clv_scoring SET scored_for = scored_for - 1")

    async def again() -> bool:
        return await clv(segments, people[4][1]) == right

    await eventually(again)


async def test_d4_a_fit_says_what_it_lacks(segments: Segments) -> None:
    job = await fit(segments)
    assert (job["state"], job["error"][:19]) == ("failed", "0 customers ordered")
    for number in range(25):
        segments.feeds.order(segments.feeds.person()[0], f"{number}", 10, 40)
    job = await fit(segments)
    assert job["state"] == "failed"
    assert "0 of 25 customers ordered on a second day" in job["error"]
    assert (await segments.get("/v1/models/clv/fits"))["items"] == []


async def test_d4_what_cannot_be_fitted_is_refused(segments: Segments) -> None:
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    for pointer, value in (
        ("calibration_end", later),
        ("calibration_end", "yesterday"),
        ("calibration_end", "1997-09-30"),
        ("horizon_days", 0),
        ("horizon_days", 1e9),
        ("time_unit", "fortnights"),
        ("unit", "weeks"),
    ):
        response = await segments.client.post("/v1/models/clv/fits", json={pointer: value})
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == f"/{pointer}"
