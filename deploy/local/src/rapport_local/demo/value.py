"""The pyramid: who brings what share of the sales."""

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
