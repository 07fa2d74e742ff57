"""The report: what was observed, compared with the control, in numbers and in words."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from rapport.database import Connection

from campaign_service.campaigns.errors import CampaignNotFound
from campaign_service.preparation.rules import CONTROL, planned_shares
from campaign_service.reports import notes, repository, rules
from campaign_service.reports.repository import Observed
from campaign_service.reports.schemas import (
    Arm,
    Comparison,
    Incremental,
    Metric,
    Report,
    SampleRatio,
    SignedMoney,
    Window,
)

SAMPLE_RATIO_ALPHA = 0.001


async def report(connection: Connection, campaign_id: UUID) -> tuple[Report, dict[str, rules.Moments]]:
    """A campaign's result so far, and the spread of the revenue per head by arm; raises `CampaignNotFound`."""
    campaign = await repository.campaign(connection, campaign_id)
    if campaign is None:
        raise CampaignNotFound(f"There is no campaign {campaign_id}.")
    seen = await repository.observed(connection, campaign)
    merged = await repository.merged_across_arms(connection, campaign_id)
    return build(campaign, seen, merged), {arm: _moments(each, "revenue") for arm, each in seen.items()}


def build(campaign: Mapping[str, Any], seen: Mapping[str, Observed], merged: int = 0) -> Report:
    """The report of `campaign` from what was seen in each arm."""
    shares = planned_shares(campaign["control_share"], campaign["variants"])
    launched, days = campaign["launched_at"], campaign["goal"]["window_days"]
    randomised = len(shares) > 1
    observed = [seen[arm] for arm, _ in shares if arm in seen]
    comparisons = compare(observed, campaign["margin"] is not None)
    expected, p_value = rules.sample_ratio({each.arm: each.people for each in observed}, shares)
    ratio = SampleRatio(expected=expected, p_value=p_value, ok=p_value > SAMPLE_RATIO_ALPHA)
    found = Report(
        campaign_id=campaign["campaign_id"],
        name=campaign["name"],
        goal=campaign["goal"],
        state=campaign["state"],
        window=Window.model_validate({"from": launched, "to": launched + timedelta(days=days) if launched else None}),
        randomised=randomised,
        arms=[_arm(each, campaign) for each in observed],
        comparisons=comparisons,
        incremental=_incremental(observed, comparisons, campaign),
        sample_ratio=ratio,
        notes=[],
    )
    found.notes = notes.notes(found, observed, campaign, merged)
    return found


def compare(observed: Sequence[Observed], with_profit: bool) -> list[Comparison]:
    """Every other arm against the control, in every metric known."""
    control = next((each for each in observed if each.arm == CONTROL), None)
    if control is None:
        return []
    found: list[Comparison] = []
    for arm in observed:
        if arm is not control:
            found += _against(arm, control, with_profit)
    return found


def _against(arm: Observed, control: Observed, with_profit: bool) -> list[Comparison]:
    n1, n2 = arm.people, control.people
    revenue = [_moments(each, "revenue") for each in (arm, control)]
    profit = [_moments(each, "profit") for each in (arm, control)]
    estimates: list[tuple[Metric, rules.Estimate | None, float]] = [
        (
            "response_rate",
            rules.compare_rates(arm.responded, n1, control.responded, n2),
            control.responded / n2,
        ),
        (
            "conversion_rate",
            rules.compare_rates(arm.converted, n1, control.converted, n2),
            control.converted / n2,
        ),
        ("revenue_per_head", rules.compare_means(*revenue), revenue[1].mean),
    ]
    if with_profit:
        estimates.append(("profit_per_head", rules.compare_means(*profit), profit[1].mean))
    return [
        Comparison(
            arm=arm.arm,
            against=control.arm,
            metric=metric,
            relative=estimate.difference / base if base > 0 else None,
            **estimate._asdict(),
        )
        for metric, estimate, base in estimates
        if estimate is not None
    ]


def _moments(arm: Observed, quantity: str) -> rules.Moments:
    total, squares = getattr(arm, quantity), getattr(arm, f"{quantity}_squares")
    # In decimals: the difference of two large sums of squares would lose its digits as floats.
    n = Decimal(arm.people)
    spread = squares - total * total / n
    variance = max(Decimal(0), spread / (n - 1)) if arm.people > 1 else Decimal(0)
    return rules.Moments(arm.people, float(total / n), float(variance))


def _arm(arm: Observed, campaign: Mapping[str, Any]) -> Arm:
    currency, cost = campaign["currency"], campaign["cost_per_contact"]
    return Arm(
        arm=arm.arm,
        is_control=arm.arm == CONTROL,
        people=arm.people,
        sent=arm.sent,
        # Handed over is the most that is known until bounces are read.
        delivered=arm.sent,
        responded=arm.responded,
        response_rate=arm.responded / arm.people,
        converted=arm.converted,
        conversion_rate=arm.converted / arm.people,
        revenue=money(arm.revenue, currency),
        revenue_per_head=money(arm.revenue / arm.people, currency, 4),
        cost=money(cost * arm.contacts, currency) if cost is not None else None,
    )


def _incremental(
    observed: Sequence[Observed], comparisons: Sequence[Comparison], campaign: Mapping[str, Any]
) -> Incremental | None:
    """By intention to treat: everybody assigned counts, reached or not."""
    heads = {arm.arm: arm.people for arm in observed}

    def total(metric: Metric) -> float | None:
        found = [each.difference * heads[each.arm] for each in comparisons if each.metric == metric]
        return sum(found) if found else None

    revenue, profit = total("revenue_per_head"), total("profit_per_head")
    if revenue is None:
        return None
    cost = float(campaign["cost_per_contact"] or 0) * sum(arm.contacts for arm in observed)
    return Incremental(
        revenue=money(revenue, campaign["currency"]),
        profit=None if profit is None else money(profit, campaign["currency"]),
        return_on_spend=None if profit is None or cost == 0 else profit / cost,
    )


def money(amount: Decimal | float, currency: str, places: int = 2) -> SignedMoney:
    """An amount rounded to `places`, never written as minus nothing."""
    rounded = round(Decimal(amount), places)
    return SignedMoney(amount=f"{rounded + 0:f}", currency=currency)
