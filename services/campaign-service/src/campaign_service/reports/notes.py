"""What a reader must know before believing a report, in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from campaign_service.preparation.rules import CONTROL
from campaign_service.reports.repository import Observed
from campaign_service.reports.schemas import Report

SMALL_ARM = 100
FEW_EVENTS = 10


def notes(report: Report, observed: Sequence[Observed], campaign: Mapping[str, Any], merged: int) -> list[str]:
    """The remarks on a report, the weightiest first."""
    if campaign["launched_at"] is None:
        return ["The campaign has not been launched: there is nothing to report yet."]
    return [
        *_on_design(report, observed),
        *_on_size(report, observed),
        *_on_delivery(observed, campaign),
        *_on_reading(report, observed, merged),
    ]


def _on_design(report: Report, observed: Sequence[Observed]) -> Iterator[str]:
    if not observed:
        yield "Nobody is in the campaign: everybody in the audience was left out, or it is still being prepared."
    if not report.randomised:
        yield (
            "There is no control group and people were not assigned at random: what they did cannot be told from what "
            "they would have done anyway."
        )
    elif not any(arm.is_control for arm in report.arms) and observed:
        yield "There is no control group: the arms can be compared with one another, not with doing nothing."
    if not report.sample_ratio.ok:
        yield (
            f"The arms do not have the sizes that were planned (p = {report.sample_ratio.p_value:.2g}): something is "
            "wrong with the assignment or the data, and the comparisons should not be trusted."
        )


def _on_size(report: Report, observed: Sequence[Observed]) -> Iterator[str]:
    for arm in observed:
        if arm.people < SMALL_ARM:
            yield f"The arm {arm.arm} has only {arm.people} people: only a very large difference could be seen."
    if report.comparisons and sum(arm.converted for arm in observed) < FEW_EVENTS:
        yield "Fewer than ten people reached the goal so far: the intervals are wide and the p values rough."


def _on_delivery(observed: Sequence[Observed], campaign: Mapping[str, Any]) -> Iterator[str]:
    waiting, unknown = (sum(getattr(arm, name) for arm in observed) for name in ("waiting", "unknown"))
    if campaign["prepared_at"] is None:
        yield "The audience is still being prepared: the numbers will grow."
    if waiting:
        yield f"{waiting} messages have not been sent yet."
    if unknown:
        yield (
            f"Of {unknown} messages it is not known whether they arrived (the connection broke after the message was "
            "handed over); they are not repeated, cost is counted for them, and they are not counted as sent."
        )
    if foreign := sum(arm.foreign_orders for arm in observed):
        yield (f"{foreign} orders in another currency than {campaign['currency']} count as orders, not in the revenue.")


def _on_reading(report: Report, observed: Sequence[Observed], merged: int) -> Iterator[str]:
    end = report.window.to
    if end is not None and report.state in {"running", "paused"}:
        yield f"The window is open until {end:%Y-%m-%d %H:%M} UTC: a difference seen earlier may still change."
    control = next((arm for arm in observed if arm.arm == CONTROL), None)
    if control is not None:
        yield (
            "Everybody assigned counts in their arm, whether or not a message reached them (intention to treat); sales "
            "are net of refunds and cancelled orders."
        )
        yield (
            "The control group got no message to respond to, so its response rate is naturally near 0; conversion and "
            "revenue are what the campaign is judged by."
        )
    if sum(1 for arm in observed if arm.arm != CONTROL) > 1 and control is not None:
        yield "Several arms are compared with one control: p values are not corrected for that."
    if merged:
        yield f"{merged} customers turned out to be in two arms (they were merged after the launch)."
