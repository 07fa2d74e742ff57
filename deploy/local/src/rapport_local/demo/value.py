"""The pyramid: who brings what share of the sales."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from rapport_local.demo.company import Company, good, money, share
from rapport_local.demo.report import Report


async def tell(report: Report, company: Company, folder: Path) -> None:
    """Recompute, show the eight classes and draw them."""
    report.chapter("What each customer is worth")
    await company.recompute()
    pyramid = good(await company.segments.get("/v1/pyramid"))
    classes = pyramid["classes"]
    report.table(
        ["class", "customers", "share", f"sales {pyramid['currency']}", "share"],
        [
            [
                each["value_class"],
                "-" if each["customers"] is None else f"{each['customers']:,}",
                share(each["share_of_customers"]),
                money(each["sales"]),
                share(each["share_of_sales"]),
            ]
            for each in classes
        ],
    )
    by_class = {each["value_class"]: each for each in classes}
    active = sum(by_class[name]["customers"] for name in ("top", "large", "medium", "small"))
    upto = [by_class["top"]["customers"], by_class["large"]["customers"], by_class["medium"]["customers"]]
    bounds = [-(-active * percent // 100) for percent in (1, 5, 20)]
    report.check(
        [sum(upto[: n + 1]) for n in range(3)] == bounds and len(classes) == 8,
        f"top, large and medium end at 1, 5 and 20 per cent of {active:,} active customers",
        classes,
    )
    drawing = await company.segments.get("/v1/pyramid.svg")
    target = folder / "pyramid.svg"
    target.write_bytes(drawing.content)
    report.check(drawing.status_code == 200 and b"<svg" in drawing.content, "drawn as SVG", drawing.status_code)
    report.look_at("the pyramid", str(target))
    await _moves(report, company, folder)
    await _lifetime(report, company, folder)


async def _moves(report: Report, company: Company, folder: Path) -> None:
    """Who moved between the ends of two quarters."""
    now = datetime.now(UTC)
    asked: dict[str, str | int] = {
        "from": (now - timedelta(days=91)).isoformat(),
        "to": now.isoformat(),
        "period_days": 91,
    }
    found = good(await company.segments.get("/v1/migrations", params=asked))
    moves = found["moves"]
    report.say(
        f"between the ends of two quarters {moves['up']:,} customers moved up, {moves['down']:,} down, "
        f"{moves['stayed']:,} stayed"
    )
    report.check(
        sum(moves.values()) == found["customers"] == sum(cell["customers"] for cell in found["cells"]),
        "the migration matrix counts everybody once",
        moves,
    )
    drawing = await company.segments.get("/v1/migrations.svg", params=asked)
    (folder / "migrations.svg").write_bytes(drawing.content)
    report.look_at("who moved between two quarters", str(folder / "migrations.svg"))


async def _lifetime(report: Report, company: Company, folder: Path) -> None:
    """Lifetime value fitted on all but the last two months, held against them."""
    end = datetime.now(UTC) - timedelta(days=60)
    body = {"calibration_end": end.isoformat(), "horizon_days": 365, "time_unit": "weeks"}
    accepted = await company.segments.post("/v1/models/clv/fits", json=body)
    good(accepted)
    await company.finished(company.segments, accepted.headers["location"])
    fitted = good(await company.segments.get("/v1/models/clv"))
    held = fitted["holdout"]
    error = abs(held["expected_orders"] / held["actual_orders"] - 1)
    report.check(
        error < 0.25,
        f"lifetime value fitted without the last {held['days']} days expects {held['expected_orders']:,.0f} orders in "
        f"them; there were {held['actual_orders']:,}",
        held,
    )
    (folder / "lifetime.svg").write_bytes((await company.segments.get("/v1/models/clv/holdout.svg")).content)
    report.look_at("orders expected and orders made", str(folder / "lifetime.svg"))
